// Reviewing in the report: a grid of all training images of which only the visible ones are in the document, the
// person's decisions, and the file that carries them to `gansift cleanse --decisions`. An image is known here by its
// place in the ranking, from 0 for the most harmful.
"use strict";
(() => {
  const at = (name) => document.getElementById(`review-${name}`);
  const data = JSON.parse(at("data").textContent);
  const total = data.ids.length;
  const places = new Map(data.ids.map((id, item) => [id, item]));
  const [section, grid] = [document.getElementById("review"), at("grid")];
  const floor = grid.firstElementChild; // as tall as all rows together

  // What is decided.
  const MARKS = { remove: "✕", keep: "✓", undecided: "" };
  const AFTER = { undecided: "remove", remove: "keep", keep: "undecided" };
  const [BY_HAND, THRESHOLD] = ["by hand", "threshold"]; // reasons
  const decided = new Map(); // by hand: item -> [decision, reason]
  let threshold = 0; // so many of the most harmful go, unless decided otherwise
  let selected = 0;
  const within = (number) => Math.max(0, Math.min(total - 1, Math.round(number) || 0)); // one image stays in any case
  const decisionOf = (item) => (decided.has(item) ? decided.get(item)[0] : item < threshold ? "remove" : "undecided");
  const reasonOf = (item) => (decided.has(item) ? decided.get(item)[1] : THRESHOLD);

  function decide(item, word) {
    if (word === "undecided") decided.delete(item);
    else decided.set(item, [word, decided.has(item) ? decided.get(item)[1] : BY_HAND]);
    changed();
  }

  function setThreshold(number) {
    threshold = within(number);
    changed();
  }

  function changed() {
    remember();
    if (at("decision").value) filter();
    else render();
    summarise();
    describe();
  }

  // What the browser keeps. A copy of the page elsewhere is another place to decide; other scores have a threshold of their own.
  const KEY = `gansift review ${data.run} ${location.pathname}`;
  const THRESHOLD_KEY = `${KEY} ${data.ranking}`;

  function remember() {
    try {
      localStorage.setItem(KEY, JSON.stringify([...decided].map(([item, entry]) => [data.ids[item], ...entry])));
      localStorage.setItem(THRESHOLD_KEY, String(threshold));
    } catch {
      tell("This browser keeps nothing for pages like this one: save decisions.csv before you close it.");
    }
  }

  function recall() {
    try {
      for (const [id, word, reason] of JSON.parse(localStorage.getItem(KEY) || "[]")) {
        if (places.has(id) && word in MARKS) decided.set(places.get(id), [word, reason]);
      }
      threshold = within(localStorage.getItem(THRESHOLD_KEY));
    } catch {
      decided.clear(); // nothing was kept, or not by this tool
    }
  }

  // Numbers and texts.
  const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const tell = (text) => { at("told").textContent = text; };
  function unsigned(value) {
    if (!value) return value === 0 ? "0" : "–";
    if (value >= 1000) return Math.round(value).toLocaleString("en");
    return value >= 1e-4 ? value.toPrecision(3) : value.toExponential(2).replace("-", "−");
  }
  const sign = (value) => (value < 0 ? "−" : value > 0 ? "+" : "");
  const signed = (value) => (value === null ? "–" : sign(value) + unsigned(Math.abs(value)));
  function meanOf(item) {
    const [mean, error] = [data.means[item], data.errors[item]];
    if (mean === null || !(error >= 1e-4 && error < 1e4)) return `${signed(mean)} ±${unsigned(error)}`;
    const decimals = Math.max(0, (error >= 1e-3) - Math.floor(Math.log10(error))); // two digits of the error, if there is room
    return `${sign(mean)}${Math.abs(mean).toFixed(decimals)} ±${error.toFixed(decimals)}`;
  }
  const className = (item) => data.classes[data.labels[item]];

  function summarise() {
    let [going, byThreshold, kept, sum] = [0, 0, 0, 0];
    for (let item = 0; item < total; item++) {
      const word = decisionOf(item);
      if (word === "keep") kept++;
      if (word !== "remove") continue;
      going++;
      sum += data.scores[item];
      if (!decided.has(item)) byThreshold++;
    }
    const counts = `${many(going, "image")} of ${total.toLocaleString("en")} go: ${going - byThreshold} by hand, ${byThreshold} over the threshold. ${kept} kept by hand.`;
    at("sum").textContent = `${counts} ${predicted(going, sum)}`;
    at("count").value = threshold;
    at("threshold").value = stops.findLastIndex((number) => number <= threshold);
    at("threshold").setAttribute("aria-valuetext", many(threshold, "image"));
    at("least").textContent = threshold ? `down to a score of ${signed(data.scores[threshold - 1])}` : "";
  }

  function predicted(going, sum) {
    if (!going) return "";
    if (!data.sums) return "This estimator only ranks, so it predicts no change.";
    const text = `Predicted change of ${data.metric}: ${signed(sum)}, the sum of their scores. Sums of extreme scores overestimate`;
    if (!data.shares.length) return `${text}; by how much is not known here.`;
    const off = ([removed]) => Math.abs(Math.log(removed / going));
    const [removed, share] = data.shares.reduce((best, row) => (off(row) < off(best) ? row : best));
    return `${text}: without the ${removed.toLocaleString("en")} ${data.which}, retraining came to ${Math.round(100 * share)} % of the sum; here that is ${signed(share * sum)}.`.replaceAll("-", "−");
  }

  // Single steps first, then larger ones, so that a few images can be set on the slider and thousands as well.
  const stops = [0];
  while (stops.at(-1) < total - 1) stops.push(Math.min(total - 1, Math.max(stops.at(-1) + 1, Math.round(1.04 * stops.at(-1)))));

  // Pictures.
  const loaded = new Map(); // sheets by kind and number: decoded once, as bitmaps, or promises of them
  function sheetOf(kind, number) {
    const key = `${kind} ${number}`;
    if (loaded.has(key)) return loaded.get(key);
    const image = Object.assign(new Image(), { src: data.sheets[kind].pictures[number] });
    loaded.set(key, image.decode().then(() => createImageBitmap(image)).then((bitmap) => loaded.set(key, bitmap)));
    return loaded.get(key);
  }

  function draw(canvas, kind, item) {
    if (canvas.drawn === item) return;
    const { width, height, step, columns, rows } = data.sheets[kind];
    const place = item % (columns * rows);
    const image = sheetOf(kind, Math.floor(item / (columns * rows)));
    [canvas.showing, canvas.drawn] = [item, null]; // by the time that the sheet is there another item may be wanted
    [canvas.width, canvas.height] = [width, height]; // which also empties it
    if (image instanceof Promise) return image.then(() => { if (canvas.showing === item) draw(canvas, kind, item); });
    canvas.drawn = item;
    canvas.classList.toggle("sharp", Math.max(width, height) < 64);
    canvas.getContext("2d").drawImage(image, (place % columns) * step[0], Math.floor(place / columns) * step[1], width, height, 0, 0, width, height);
  }

  // The grid.
  const [WIDTH, GAP, LINE] = [112, 8, 17]; // pixels: the least width of a card, between cards, a line of text
  const TEXT = LINE * (1 + (data.means !== null) + (data.classes !== null)) + 8;
  const cards = new Map(); // those in the document, by item
  const spare = [];
  let view = []; // the items that pass the filter
  let [columns, width, row] = [1, WIDTH, WIDTH]; // of the grid, of a card, from one row to the next

  function filter() {
    const [text, label, word] = [at("find").value.toLowerCase(), at("class").value, at("decision").value];
    const before = Math.max(0, view.indexOf(selected));
    view = [];
    for (let item = 0; item < total; item++) {
      if (label && data.labels[item] !== Number(label)) continue;
      if (word && decisionOf(item) !== word) continue;
      if (text && !`${data.ids[item]}\n${data.paths[item]}`.toLowerCase().includes(text)) continue;
      view.push(item);
    }
    at("shown").textContent = view.length === total ? "" : `${many(view.length, "image")} shown`;
    if (view.length && !view.includes(selected)) selected = view[Math.min(before, view.length - 1)];
    layout();
    show(selected);
  }

  function layout() {
    columns = Math.max(1, Math.floor((grid.clientWidth - GAP) / (WIDTH + GAP)));
    width = Math.floor((grid.clientWidth - GAP) / columns) - GAP;
    row = width + TEXT + GAP;
    grid.style.setProperty("--card", `${width}px`);
    grid.style.setProperty("--text", `${TEXT}px`);
    floor.style.height = `${Math.ceil(view.length / columns) * row + GAP}px`;
  }

  function render() {
    const first = Math.max(0, Math.floor(grid.scrollTop / row) - 1) * columns;
    const last = Math.min(view.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / row) + 1) * columns);
    const wanted = new Set(view.slice(first, last));
    for (const [item, card] of cards) {
      if (wanted.has(item)) continue;
      card.remove();
      spare.push(card);
      cards.delete(item);
    }
    for (let place = first; place < last; place++) {
      const item = view[place];
      if (!cards.has(item)) cards.set(item, fill(spare.pop() || emptyCard(), item));
      dress(cards.get(item), item, place);
    }
    if (cards.has(selected)) grid.setAttribute("aria-activedescendant", `review-card-${selected}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  function emptyCard() {
    const card = document.createElement("div");
    card.setAttribute("role", "option");
    card.innerHTML = "<canvas></canvas><i></i><span class='first'><span></span><b></b></span><span class='mean'></span><span></span>";
    return card;
  }

  function fill(card, item) {
    const [canvas, , line, mean, label] = card.children;
    draw(canvas, "training", item);
    line.firstChild.textContent = `#${item + 1}`;
    line.lastChild.textContent = signed(data.scores[item]);
    mean.textContent = data.means ? meanOf(item) : "";
    label.textContent = data.classes ? className(item) : "";
    Object.assign(card, { id: `review-card-${item}`, item, now: "" });
    return floor.appendChild(card);
  }

  function dress(card, item, place) {
    const word = decisionOf(item);
    const now = [word, decided.has(item), item === selected, place, view.length, columns, width].join();
    if (card.now === now) return; // most cards are as they were, and a browser takes its time even so
    card.now = now;
    card.className = `review-card ${word}${word === "remove" && !decided.has(item) ? " threshold" : ""}`;
    card.children[1].textContent = MARKS[word];
    card.style.transform = `translate(${GAP + (place % columns) * (width + GAP)}px, ${GAP + Math.floor(place / columns) * row}px)`;
    const told = [`Rank ${item + 1}, score ${signed(data.scores[item])}`, ...(data.classes ? [`class ${className(item)}`] : []), word].join(", ");
    const state = { selected: item === selected, posinset: place + 1, setsize: view.length, label: told };
    for (const name in state) card.setAttribute(`aria-${name}`, state[name]);
  }

  function show(item) {
    selected = item;
    const top = Math.floor(Math.max(0, view.indexOf(item)) / columns) * row;
    const lowest = top + row + GAP - grid.clientHeight;
    if (grid.scrollTop > top) grid.scrollTop = top;
    else if (grid.scrollTop < lowest) grid.scrollTop = lowest;
    render();
    describe();
  }

  const move = (steps) => show(view[Math.max(0, Math.min(view.length - 1, view.indexOf(selected) + steps))]);

  // The selected image.
  function describe() {
    const [item, other] = [selected, data.nearest.training[selected]];
    draw(at("image"), "training", item);
    draw(at("training"), "training", other);
    draw(at("generated"), "generated", data.nearest.generated[item]);
    const lines = [`Rank ${(item + 1).toLocaleString("en")}, score ${signed(data.scores[item])}`];
    if (data.means) lines.push(`mean over seeds ${meanOf(item)}`);
    if (data.classes) lines.push(`class ${className(item)}`);
    at("facts").textContent = lines.join("\n");
    at("id").textContent = data.ids[item];
    at("id").title = data.paths[item];
    at("other").textContent = `nearest training: #${other + 1}${data.classes ? `, ${className(other)}` : ""}, ${decisionOf(other)}`;
    const word = decisionOf(item);
    for (const button of section.querySelectorAll("[data-word]")) button.setAttribute("aria-pressed", button.dataset.word === word);
    at("reason").disabled = !decided.has(item);
    at("reason").value = decided.has(item) && reasonOf(item) !== BY_HAND ? reasonOf(item) : "";
    if (at("full").open) enlarge();
  }

  function enlarge() {
    draw(at("large"), "training", selected);
    // The file itself, where the page is opened from disk and the file is still there.
    const path = location.protocol === "file:" ? data.paths[selected] : "";
    const slash = /^[A-Za-z]:/.test(path) ? "/" : "";
    at("original").hidden = true;
    if (path) at("file").src = slash + path.split(slash ? "\\" : "/").map(encodeURIComponent).join("/");
  }

  function toggleFull() {
    if (at("full").open) return at("full").close();
    at("full").showModal();
    enlarge();
  }

  // decisions.csv.
  const COLUMNS = ["id", "path", "decision", "reason"];
  const quoted = (text) => (/^\s|[",\r\n]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  // A spreadsheet executes what looks like a formula; an apostrophe before it keeps it a text, as in data/cells.py.
  const MARKED = /^'+[=+\-@\t\r\n]/;
  const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i;
  const isFormula = (text) => text.length > 1 && /^[=+\-@\t\r\n]/.test(text) && !NUMBER.test(text);
  const cellOf = (text) => (isFormula(text) || MARKED.test(text) ? `'${text}` : text);
  const textOf = (cell) => (MARKED.test(cell) ? cell.slice(1) : cell);

  function written() {
    const all = data.ids.map((id, item) => [id, data.paths[item], decisionOf(item), reasonOf(item)]);
    const rows = [COLUMNS, ...all.filter((row) => row[2] !== "undecided")];
    return rows.map((row) => `${row.map((text) => quoted(cellOf(text))).join(",")}\n`).join("");
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([written()], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function parsed(text) {
    const rows = [[]];
    const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy; // a cell and what ends it
    text = text.replace(/^\uFEFF/, "");
    while (cells.lastIndex < text.length) {
      const found = cells.exec(text);
      if (!found) return null;
      rows.at(-1).push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
      if (found[3] !== ",") rows.push([]);
    }
    return rows.filter((row) => row.length > 1 || row[0]);
  }

  function read(text) {
    const rows = parsed(text);
    if (!rows || !rows.length || !rows[0].includes("id") || !rows[0].includes("decision")) {
      return `This is no file of decisions: its first line must be ${COLUMNS.join(",")}.`;
    }
    const [id, word, reason] = ["id", "decision", "reason"].map((name) => rows[0].indexOf(name));
    const found = new Map();
    for (const row of rows.slice(1).map((cells) => cells.map(textOf))) {
      if (!places.has(row[id])) return `Nothing was loaded: ${row[id]} is none of these images.`;
      if (!(row[word] in MARKS)) return `Nothing was loaded: ${row[word]} is no decision.`;
      if (row[word] !== "undecided") found.set(places.get(row[id]), [row[word], row[reason] || BY_HAND]);
    }
    // What went by the threshold goes by it again, if that gives the same set in this ranking.
    const over = [...found].filter(([, entry]) => entry[0] === "remove" && entry[1] === THRESHOLD).map(([item]) => item);
    const deepest = over.reduce((most, item) => Math.max(most, item + 1), 0);
    const same = deepest < total && data.ids.slice(0, deepest).every((_, item) => found.has(item));
    if (same) for (const item of over) found.delete(item);
    decided.clear();
    for (const [item, entry] of found) decided.set(item, entry);
    setThreshold(same ? deepest : 0);
    return "";
  }

  // Keys, clicks, fields.
  const page = () => Math.max(1, Math.floor(grid.clientHeight / row)) * columns;
  const KEYS = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => move(-columns), ArrowDown: () => move(columns),
    PageUp: () => move(-page()), PageDown: () => move(page()), Home: () => move(-total), End: () => move(total),
    x: () => decide(selected, "remove"), k: () => decide(selected, "keep"), u: () => decide(selected, "undecided"),
    f: toggleFull, "/": () => at("find").focus(),
  };

  section.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select")) {
      if (event.key === "Escape") grid.focus();
      return;
    }
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || !view.length && event.key !== "/") return;
    event.preventDefault();
    action();
  });
  grid.addEventListener("click", (event) => {
    const card = event.target.closest(".review-card");
    if (!card) return;
    show(card.item);
    if (event.target.matches("i")) decide(card.item, AFTER[decisionOf(card.item)]);
  });
  at("side").addEventListener("click", (event) => {
    const button = event.target.closest("[data-word]");
    if (button) decide(selected, button.dataset.word);
  });
  at("go").addEventListener("click", () => {
    const other = data.nearest.training[selected];
    if (!view.includes(other)) {
      for (const name of ["find", "class", "decision"]) at(name).value = "";
      filter();
    }
    show(other);
  });
  at("reason").addEventListener("change", () => {
    decided.set(selected, [decisionOf(selected), at("reason").value || BY_HAND]);
    remember();
  });
  at("threshold").addEventListener("input", () => setThreshold(stops[at("threshold").value]));
  at("count").addEventListener("change", () => setThreshold(at("count").value));
  at("choice").addEventListener("click", () => setThreshold(data.chosen));
  at("find").addEventListener("input", filter);
  for (const name of ["class", "decision"]) at(name).addEventListener("change", filter);
  at("save").addEventListener("click", save);
  at("open").addEventListener("click", () => at("load").click());
  at("load").addEventListener("change", async () => {
    const [file] = at("load").files;
    if (file) tell(read(await file.text()));
    at("load").value = ""; // so that the same file can be loaded again
  });
  at("clear").addEventListener("click", () => {
    if (!confirm("Forget all decisions in this page? A saved decisions.csv is not touched.")) return;
    decided.clear();
    setThreshold(0);
  });
  at("file").addEventListener("load", () => { at("original").hidden = false; });
  grid.addEventListener("scroll", render);
  new ResizeObserver(() => { layout(); render(); }).observe(grid);

  // Begin.
  for (const [number, name] of (data.classes || []).entries()) at("class").add(new Option(name, number));
  at("classes").hidden = data.classes === null;
  at("threshold").max = stops.length - 1;
  at("count").max = total - 1;
  at("choice").hidden = !data.chosen;
  at("choice").textContent = `${data.chosen}, as chosen`;
  recall();
  at("tool").hidden = false;
  filter();
  summarise();
})();
