// Changes the colours where one stands; the form's own answer does the same for whoever has no script.
export function changeTheme(page) {
  const form = page.querySelector("[data-themes]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = event.submitter.value;
    if (chosen === "system") delete page.documentElement.dataset.theme;
    else page.documentElement.dataset.theme = chosen;
    for (const button of form.querySelectorAll("[name=theme]")) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
  });
}
