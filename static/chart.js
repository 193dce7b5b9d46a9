// Puts the interactive chart in the place of the server's drawing. Without the library the drawing stays.

const DAY = 86400;
const MONEY = ["used", "new", "amazon"];
const DRAWN = ["rank", "used_offers", "new_offers", "amazon", "new", "used"];
const TOLD = ["used", "new", "amazon", "rank", "used_offers", "new_offers"];
const DASHES = { new: [6, 3], amazon: [2, 3], new_offers: [6, 3] };
const ROUND = /^[125]0*$/;
const NARROW = 560;
const START_DAYS = 365;

const place = document.querySelector("[data-chart]");
if (place && window.uPlot) show(place);

async function show(place) {
  let told;
  try {
    const answer = await fetch(place.dataset.chart);
    if (!answer.ok) return;
    told = await answer.json();
  } catch {
    return;
  }
  if (!Object.values(told.series).some((series) => series.times.length)) return;
  const chart = new Chart(place, told);
  chart.draw();
  for (const hidden of place.querySelectorAll("[data-ranges], [data-hint], [data-of], [data-series]")) hidden.hidden = false;
  chart.showDays(START_DAYS);
}

class Chart {
  constructor(place, told) {
    this.place = place;
    this.told = told;
    this.plot = place.querySelector("[data-plot]");
    this.names = DRAWN.filter((name) => told.series[name]?.times.length);
    this.likely = told.sales.filter((sale) => sale.used > 0.5);
    this.doubtful = told.sales.filter((sale) => sale.used <= 0.5);
    this.listen();
  }

  listen() {
    for (const box of this.place.querySelectorAll("[data-series]")) {
      box.addEventListener("change", () => this.u.setSeries(this.names.indexOf(box.dataset.series) + 1, { show: box.checked }));
    }
    for (const button of this.ranges()) {
      button.addEventListener("click", () => this.showDays(Number(button.dataset.days)));
    }
    new ResizeObserver(() => this.resize()).observe(this.plot);
    const again = () => this.draw(this.u.scales.x);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  ranges() {
    return [...this.place.querySelectorAll("[data-days]")];
  }

  // A colour of the style sheet as a canvas understands it.
  colour(name) {
    this.probe ??= this.place.appendChild(document.createElement("span"));
    this.probe.style.color = `var(--${name})`;
    return getComputedStyle(this.probe).color;
  }

  // Draws anew, in today's colours, from and to the same times as before.
  draw(times) {
    const kept = times && { min: times.min, max: times.max };
    this.u?.destroy();
    this.tip?.remove();
    const width = Math.max(280, this.plot.clientWidth);
    this.plot.replaceChildren();
    this.u = new uPlot(this.options(width), this.data(), this.plot);
    this.tip = this.u.over.appendChild(document.createElement("div"));
    this.tip.className = "chart-tip";
    this.tip.hidden = true;
    this.u.root.setAttribute("role", "img");
    this.u.root.setAttribute("aria-label", "Interactive chart of prices, rank and sales; the table below tells the same");
    for (const kind of ["touchstart", "touchmove"]) this.u.over.addEventListener(kind, (event) => this.follow(event), { passive: true });
    if (kept) this.u.setScale("x", kept);
  }

  resize() {
    const width = Math.max(280, this.plot.clientWidth);
    if (!this.u || Math.abs(width - this.u.width) < 2) return;
    if (width < NARROW !== this.u.width < NARROW) this.draw(this.u.scales.x);
    else this.u.setSize({ width, height: this.height(width) });
  }

  height(width) {
    return width < NARROW ? 250 : 340;
  }

  data() {
    const lines = this.names.map((name) => [this.told.series[name].times, this.told.series[name].values]);
    const dots = [this.likely, this.doubtful].map((sales) => [sales.map((sale) => sale.at), sales.map((sale) => sale.price)]);
    return uPlot.join([...lines, ...dots], [...lines.map((line) => line.slice(1).map(() => 2)), [0], [0]]);
  }

  options(width) {
    const isNarrow = width < NARROW;
    const soft = this.colour("ink-soft");
    const axis = { stroke: soft, font: "12px system-ui, sans-serif", ticks: { stroke: this.colour("line"), size: 4 }, grid: { stroke: this.colour("line"), width: 1 } };
    const bare = { ...axis, grid: { show: false } };
    return {
      width,
      height: this.height(width),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 8 } },
      scales: {
        x: { time: true },
        money: { range: (u, low, high) => [0, Math.max(1, high ?? 1, this.told.lines.list ?? 0, this.told.lines.buy ?? 0) * 1.06] },
        rank: { distr: 3, dir: -1, range: (u, low, high) => (low > 0 ? uPlot.rangeLog(low, Math.max(high, low * 2), 10, false) : [1e3, 1e6]) },
        offers: { range: (u, low, high) => [0, Math.max(4, high ?? 4) * 1.1] },
      },
      axes: [
        { ...axis, values: timeLabels },
        { ...axis, scale: "money", size: isNarrow ? 46 : 58, values: (u, splits) => splits.map((split) => this.money(split, true)) },
        { ...bare, scale: "rank", side: 1, size: 52, show: !isNarrow && this.names.includes("rank"), filter: (u, splits) => splits.map((split) => (ROUND.test(split) ? split : null)), values: (u, splits) => splits.map(short) },
      ],
      series: [{}, ...this.names.map((name) => this.series(name)), this.dots(1), this.dots(0.35)],
      hooks: { drawClear: [(u) => this.drawSeasons(u)], draw: [(u) => this.drawLines(u)], setCursor: [() => this.tell()], setScale: [(u, key) => key === "x" && this.markRange()] },
    };
  }

  series(name) {
    const box = this.place.querySelector(`[data-series="${name}"]`);
    return {
      scale: MONEY.includes(name) ? "money" : name === "rank" ? "rank" : "offers",
      show: box ? box.checked : true,
      stroke: this.colour(`chart-${name}`),
      width: name === "used" ? 2 : name === "rank" ? 1 : 1.4,
      dash: DASHES[name],
      paths: uPlot.paths.stepped({ align: 1 }),
      points: { show: false },
    };
  }

  dots(strength) {
    const colour = this.colour("chart-sale");
    const fill = strength === 1 ? colour : "transparent";
    return { scale: "money", paths: () => null, stroke: colour, points: { show: true, size: 7, width: 1.4, stroke: colour, fill } };
  }

  drawSeasons(u) {
    const { ctx, bbox } = u;
    ctx.save();
    for (const season of this.told.seasons) {
      const from = Math.max(u.valToPos(season.from, "x", true), bbox.left);
      const until = Math.min(u.valToPos(season.until, "x", true), bbox.left + bbox.width);
      if (until <= from) continue;
      ctx.fillStyle = this.colour(`chart-${season.kind}`);
      ctx.fillRect(from, bbox.top, until - from, bbox.height);
    }
    ctx.restore();
  }

  drawLines(u) {
    const { ctx, bbox } = u;
    const dpr = devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${12 * dpr}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.setLineDash([5 * dpr, 4 * dpr]);
    for (const [name, label] of [["list", "list at"], ["buy", "buy at"]]) {
      const amount = this.told.lines[name];
      if (amount === null) continue;
      const y = Math.round(u.valToPos(amount, "money", true));
      ctx.strokeStyle = ctx.fillStyle = this.colour(`chart-${name}`);
      ctx.lineWidth = dpr;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      this.write(`${label} ${this.money(amount)}`, bbox.left + 6 * dpr, y - 5 * dpr);
    }
    ctx.restore();
  }

  // Words that stay readable on top of lines.
  write(text, x, y) {
    const { ctx } = this.u;
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = this.colour("surface");
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.lineJoin = "round";
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
    ctx.restore();
  }

  // A finger tells like a mouse, without stopping the page from scrolling.
  follow(event) {
    const box = this.u.over.getBoundingClientRect();
    this.u.setCursor({ left: event.touches[0].clientX - box.left, top: event.touches[0].clientY - box.top });
  }

  tell() {
    const { left, idx } = this.u.cursor;
    this.tip.hidden = left < 0 || idx === null;
    if (this.tip.hidden) return;
    const at = this.u.posToVal(left, "x");
    this.tip.replaceChildren(line("strong", new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" })));
    for (const name of TOLD) {
      if (this.u.series[this.names.indexOf(name) + 1].show && this.names.includes(name)) this.tip.append(this.told_of(name, at));
    }
    const reach = this.u.posToVal(6, "x") - this.u.posToVal(0, "x");
    for (const sale of this.told.sales.filter((sale) => Math.abs(sale.at - at) <= reach).slice(0, 3)) {
      this.tip.append(line("p", `Sale inferred ${this.money(sale.price)}, ${Math.round(sale.used * 100)} % a used copy`));
    }
    const over = this.u.over.clientWidth;
    this.tip.classList.toggle("before", left > over / 2);
    this.tip.style.left = left > over / 2 ? "" : `${left + 12}px`;
    this.tip.style.right = left > over / 2 ? `${over - left + 12}px` : "";
  }

  told_of(name, at) {
    const value = valueAt(this.told.series[name], at);
    const label = this.place.querySelector(`[data-of="${name}"]`)?.textContent.trim() ?? name;
    const text = value === null ? "none" : MONEY.includes(name) ? this.money(value) : value.toLocaleString("en");
    const row = line("p", "");
    row.append(line("span", label), line("b", text));
    row.className = name;
    return row;
  }

  money(amount, isShort = false) {
    const digits = isShort && Number.isInteger(amount) ? 0 : this.told.digits;
    return this.told.sign + amount.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  showDays(days) {
    const { from, until } = this.told;
    this.u.setScale("x", { min: days ? Math.max(from, until - days * DAY) : from, max: until });
  }

  // The button that says what is shown; none after a zoom by hand.
  markRange() {
    const { from, until } = this.told;
    const { min, max } = this.u.scales.x;
    const is = (begin) => Math.abs(max - until) < DAY && Math.abs(min - begin) < DAY;
    for (const button of this.ranges()) {
      const days = Number(button.dataset.days);
      button.setAttribute("aria-pressed", String(is(days ? until - days * DAY : from)));
    }
  }
}

function line(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

// What held at a time: null for nothing on offer or nothing known yet.
function valueAt(series, at) {
  let low = 0, high = series.times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (series.times[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : series.values[low - 1];
}

function short(count) {
  if (count === null) return "";
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}K` : String(count);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function timeLabels(u, splits, axis, space, step) {
  let before = null;
  return splits.map((split) => {
    const date = new Date(split * 1000);
    const year = date.getUTCFullYear() === before ? "" : `\n${date.getUTCFullYear()}`;
    before = date.getUTCFullYear();
    const day = step < 28 * DAY ? `${date.getUTCDate()} ` : "";
    return `${day}${MONTHS[date.getUTCMonth()]}${year}`;
  });
}
