const WAIT = 250;

// The panel stays as it was left, from page to page; while it is closed the server need not draw its figures.
export function rememberPanel(page) {
  const panel = page.querySelector("[data-filters]");
  if (!panel) return;
  const remember = () => {
    page.cookie = `filters=${panel.open ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
  };
  if (!page.cookie.includes("filters=")) remember();
  panel.addEventListener("toggle", () => {
    remember();
    if (panel.open) fill(panel);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !panel.open) return;
    panel.open = false;
    panel.querySelector("summary").focus();
  });
}

async function fill(panel) {
  if (!("bare" in panel.dataset)) return;
  delete panel.dataset.bare;
  const answer = await fetch(location.href);
  const whole = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const drawn of whole.querySelectorAll("[data-range] > .bars, [data-range] > .edges")) {
    const range = drawn.parentElement.dataset.range;
    panel.querySelector(`[data-range="${range}"] > .ends`).before(drawn);
  }
  panel.querySelector("[data-choices]")?.replaceWith(whole.querySelector("[data-choices]"));
}

// Says on the button how many deals the filters would show, before they are applied.
export function foretellCount(page) {
  const form = page.querySelector("[data-question]");
  const button = page.querySelector("[data-apply]");
  if (!form || !button) return;
  let timer, asked;
  const tell = async () => {
    asked?.abort();
    asked = new AbortController();
    const question = new URLSearchParams([...new FormData(form)].filter(([name, value]) => value !== "" && !VIEW.has(name)));
    try {
      const answer = await fetch(`/api/deal-count?${question}`, { signal: asked.signal });
      const told = await answer.json();
      button.textContent = answer.ok ? wording(told.count) : "Apply";
      button.title = answer.ok ? "" : told.error.message;
    } catch {
      button.textContent = "Apply";
    }
  };
  page.querySelector("[data-filters]").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tell, WAIT);
  });
}

const VIEW = new Set(["set", "columns", "cursor"]);

function wording(count) {
  return count === 1 ? "Show 1 deal" : `Show ${count.toLocaleString("en")} deals`;
}

// Moves a column in its list at once; "Show these" asks for the table in the new order.
export function orderColumns(page) {
  const form = page.querySelector("[data-columns]");
  form?.addEventListener("submit", (event) => {
    const move = event.submitter?.name === "move" ? event.submitter : null;
    if (!move) return;
    event.preventDefault();
    const item = move.closest("li");
    const other = move.value[0] === "-" ? item.previousElementSibling : item.nextElementSibling;
    if (!other?.querySelector("[name=move]")) return;
    if (move.value[0] === "-") other.before(item);
    else other.after(item);
    for (const button of form.querySelectorAll("[name=move]")) {
      const beside = button.value[0] === "-" ? button.closest("li").previousElementSibling : button.closest("li").nextElementSibling;
      button.disabled = !beside?.querySelector("[name=move]");
    }
    (move.disabled ? item.querySelector("[name=move]:enabled") : move)?.focus();
  });
  form?.addEventListener("formdata", (event) => {
    const chosen = event.formData.getAll("columns");
    event.formData.delete("columns");
    if (chosen.length) event.formData.set("columns", chosen.join(","));
  });
}
