const TYPING = "input:not([type=checkbox]), select, textarea";

// One key, one act. `acts` is by key; nothing happens while somebody types, or with Ctrl, Alt or Meta held.
export function onKeys(page, acts) {
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
    const act = acts[event.key];
    if (act && act(event) !== false) event.preventDefault();
  });
}

// Rows are walked by their title links, so that Enter and every reader of screens do what they always do.
export function walkRows(page) {
  const links = () => [...page.querySelectorAll("tr[data-asin] a.name")];
  const here = () => page.activeElement?.closest?.("tr[data-asin]") ?? null;
  const step = (by) => {
    const all = links();
    if (all.length === 0) return false;
    const now = all.findIndex((link) => link.closest("tr") === here());
    const next = all[now < 0 ? 0 : Math.min(Math.max(now + by, 0), all.length - 1)];
    next.focus({ preventScroll: true });
    next.closest("tr").scrollIntoView({ block: "nearest", inline: "nearest" });
    return true;
  };
  const follow = (link) => (link ? (link.click(), true) : false);
  return {
    j: () => step(1),
    k: () => step(-1),
    a: () => follow(here()?.querySelector("a[data-buy]")),
    w: () => follow(here()?.querySelector("[data-watch]")),
    b: () => follow(here()?.querySelector("[data-bought]")),
    x: () => follow(here()?.querySelector("[data-hide]")),
    n: () => follow(page.querySelector("a[rel=next]")),
    p: () => follow(page.querySelector("a[data-first-page]")),
  };
}

// What the other keys open.
export function openers(page) {
  const search = page.querySelector("[data-search]");
  const filters = page.querySelector("[data-filters]");
  return {
    "/": () => (search ? (search.focus(), search.select(), true) : false),
    "?": () => (page.querySelector("[data-keys]").togglePopover(), true),
    c: () => (page.querySelector("#columns")?.togglePopover(), true),
    f: () => {
      if (!filters) return false;
      filters.open = !filters.open;
      (filters.open ? filters.querySelector("input") : filters.querySelector("summary")).focus();
      return true;
    },
  };
}
