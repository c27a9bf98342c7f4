"use strict";
(() => {
  const { pictures, puzzles, symbols, columns, unique } = JSON.parse(document.getElementById("data").textContent);
  const PAUSE_MS = 700;
  const percent = (share) => (share === null ? "–" : `${Math.round(100 * share)}\u202f%`);

  for (const card of document.querySelectorAll("[data-puzzle]")) {
    const { moments, spots, stored } = puzzles[card.dataset.puzzle];
    const part = (name) => card.querySelector(name);
    const slider = part("input"), button = part("button"), picture = part(".picture");
    const bar = part(".meter span"), value = part(".value"), says = part(".says"), cell = part(".cell");
    const label = button.getAttribute("aria-label").replace("Play ", "");
    const last = moments.length - 1;
    let timer = 0;

    const show = () => {
      const at = Number(slider.value), moment = moments[at];
      picture.innerHTML = pictures[moment.picture];
      bar.style.width = `${100 * (moment.q_halt ?? 0)}%`;
      value.textContent = percent(moment.q_halt);
      const conflicts = moment.wrong ? ` · ${moment.wrong} cell${moment.wrong === 1 ? " clashes" : "s clash"}` : "";
      says.textContent = `${moment.name}${at ? ` of ${last}` : ""} · ${moment.count}${conflicts}`;
      const sure = moment.q_halt === null ? "" : `, sure ${percent(moment.q_halt)}`;
      slider.setAttribute("aria-valuetext", `${moment.name}, ${moment.count}${conflicts}${sure}`);
    };

    const rest = () => {
      clearInterval(timer);
      timer = 0;
      button.setAttribute("aria-label", `Play ${label}`);
      button.firstElementChild.textContent = "▶";
    };

    const play = () => {
      if (Number(slider.value) === last) slider.value = 0;
      show();
      button.setAttribute("aria-label", `Pause ${label}`);
      button.firstElementChild.textContent = "❚❚";
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === last) rest();
      }, PAUSE_MS);
    };

    // what lies under the pointer: its symbol, how sure the model is, and the stored answer where it differs
    const point = (event) => {
      const svg = picture.querySelector("svg"), frame = svg.getBoundingClientRect();
      const wide = svg.viewBox.baseVal.width / frame.width;
      const x = (event.clientX - frame.left) * wide, y = (event.clientY - frame.top) * wide;
      const spot = spots.find(([, u, v, half]) => Math.abs(x - u) <= half && Math.abs(y - v) <= half);
      cell.hidden = !spot;
      if (!spot) return;
      const at = Number(slider.value), { tokens, sure } = moments[at], [place] = spot;
      const where = columns
        ? `row ${Math.floor(place / columns) + 1}, column ${(place % columns) + 1}`
        : `node ${spots.indexOf(spot) + 1}`;
      const given = at && moments[0].tokens[place] === tokens[place];
      const trust = at === 0 || given ? "" : `, ${sure[place]}\u202f% sure`;
      const differs = at && stored[place] && tokens[place] !== stored[place];
      const right = differs ? ` (${unique ? "the solution" : "the stored answer"} has ${symbols[stored[place]]})` : "";
      cell.textContent = `${where}: ${symbols[tokens[place]]}${trust}${right}`;
    };
    picture.addEventListener("pointermove", point);
    picture.addEventListener("pointerdown", point);
    picture.addEventListener("pointerleave", () => { cell.hidden = true; });

    slider.addEventListener("input", () => { rest(); show(); });
    button.addEventListener("click", () => (timer ? rest() : play()));
    show();
  }
})();
