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

// "/" goes to the search, as long as nobody is typing.
export function focusSearch(page) {
  const search = page.querySelector("[data-search]");
  if (!search) return;
  page.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
}

// Goes back to the table as it was left: its filters, its page and its place.
export function keepBackLink(page) {
  const link = page.querySelector("a[data-back]");
  if (!link || !document.referrer) return;
  const from = new URL(document.referrer);
  if (from.origin === location.origin && from.pathname === "/") link.href = from.href;
}
