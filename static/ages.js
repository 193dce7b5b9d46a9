const STEPS = [
  [730 * 86400, 365 * 86400, "y"],
  [60 * 86400, 30 * 86400, "mo"],
  [2 * 86400, 86400, "d"],
  [3600, 3600, "h"],
  [60, 60, "min"],
];

export function ageText(seconds) {
  const step = STEPS.find(([least]) => seconds >= least);
  return step ? `${Math.floor(seconds / step[1])} ${step[2]}` : "now";
}

// Lets the ages on an open page go on. The server's own time is the start, so a wrong clock here does no harm.
export function tickAges(page, loadedAt) {
  const asOf = Date.parse(page.querySelector("[data-as-of]")?.dateTime);
  const ages = [...page.querySelectorAll("time[data-age]")];
  if (Number.isNaN(asOf) || ages.length === 0) return;
  setInterval(() => {
    if (page.hidden) return;
    const now = asOf + (Date.now() - loadedAt);
    for (const age of ages) {
      const text = ageText((now - Date.parse(age.dateTime)) / 1000);
      age.textContent = text === "now" || age.dataset.age === "short" ? text : `${text} ago`;
    }
  }, 30_000);
}
