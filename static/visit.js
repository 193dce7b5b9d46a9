// Says that somebody is here, so that "since my last visit" means something.
export function noteVisit() {
  fetch("/api/visit", { method: "POST" }).catch(() => {}); // without it only that answer is older
}
