// Marks a deal where it stands and offers to undo it; the forms do the same for whoever has no script.
export function triageInPlace(page) {
  page.querySelector("[data-triage]")?.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button) return;
    event.preventDefault();
    const row = button.closest("tr");
    const body = new FormData(event.target, button);
    const answer = await fetch(button.formAction, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) return say(page, told.error.message);
    const isHidden = "hide" in button.dataset;
    if (isHidden) leave(row);
    if ("watch" in button.dataset) turn(button);
    say(page, `${button.getAttribute("aria-label")}: done.`, async () => {
      const undo = new FormData();
      undo.set("token", told.undo);
      await fetch("/triage/undo", { method: "POST", body: undo, headers: { Accept: "application/json" } });
      if (isHidden) row.hidden = false;
      if ("watch" in button.dataset) turn(button);
    });
  });
}

function leave(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.hidden = true;
  next?.querySelector("a.name").focus();
}

function turn(button) {
  const isOn = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!isOn));
  button.formAction = isOn ? "/triage/watch" : "/triage/unwatch";
}

function say(page, text, undo) {
  page.querySelector(".toast")?.remove();
  const toast = page.createElement("p");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  toast.append(text);
  if (undo) {
    const button = page.createElement("button");
    button.className = "quiet";
    button.textContent = "Undo";
    button.addEventListener("click", async () => (await undo(), toast.remove()));
    toast.append(" ", button);
  }
  page.body.append(toast);
}
