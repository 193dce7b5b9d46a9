const EVERY = 30_000;
const NAMES = { new: "new", back: "back", cheaper: "cheaper", dearer: "dearer", gone: "gone" };

// Tells what changed since the page came, without moving a row: "7 new, 2 gone: show". Rests while nobody looks.
export function tellNews(page) {
  const note = page.querySelector("[data-news]");
  if (!note) return;
  const counts = {};
  let cursor = "now";
  const ask = async () => {
    if (page.hidden && cursor !== "now") return;
    try {
      const answer = await fetch(`${note.dataset.news}&cursor=${encodeURIComponent(cursor)}`);
      if (!answer.ok) return;
      const told = await answer.json();
      cursor = told.next_cursor;
      for (const { kind } of told.changes) if (NAMES[kind]) counts[kind] = (counts[kind] ?? 0) + 1;
      show(page, note, counts);
      if (told.is_more) await ask();
    } catch {
      return; // the next time will tell it all
    }
  };
  ask();
  setInterval(ask, EVERY);
  page.addEventListener("visibilitychange", ask);
}

function show(page, note, counts) {
  const parts = Object.entries(NAMES).flatMap(([kind, name]) => (counts[kind] ? [`${counts[kind]} ${name}`] : []));
  if (parts.length === 0) return;
  const link = page.createElement("a");
  link.href = location.href;
  link.textContent = "show";
  note.replaceChildren(`${parts.join(", ")}: `, link);
  note.hidden = false;
}
