// Says that somebody is here, so that "since my last visit" means something. The login is no visit yet.
export function noteVisit(page) {
  if (!page.querySelector("header [data-verdict]")) return;
  fetch("/api/visit", { method: "POST" }).catch(() => {}); // without it only that answer is older
}
