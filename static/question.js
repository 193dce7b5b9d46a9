// Leaves empty fields out of the address, so that it can be read and shared.
export function shortenQuestion(form) {
  form?.addEventListener("formdata", (event) => {
    const kept = [...event.formData].filter(([, value]) => value !== "");
    for (const name of new Set([...event.formData.keys()])) event.formData.delete(name);
    for (const [name, value] of kept) event.formData.append(name, value);
  });
}
