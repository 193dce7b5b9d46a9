// A note goes away where it stands; its link does the same for whoever has no script.
export function dismissNotes(page) {
  for (const link of page.querySelectorAll("a[data-dismiss]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(null, "", link.href);
      link.parentElement.remove();
    });
  }
}

// Goes back to the table as it was left: its filters, its page and its place.
export function keepBackLink(page) {
  const link = page.querySelector("a[data-back]");
  if (!link || !document.referrer) return;
  const from = new URL(document.referrer);
  if (from.origin === location.origin && from.pathname === "/") link.href = from.href;
}
