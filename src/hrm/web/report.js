"use strict";
(() => {
  const { pictures, puzzles } = JSON.parse(document.getElementById("data").textContent);
  const PAUSE_MS = 700;

  for (const card of document.querySelectorAll("[data-puzzle]")) {
    const moments = puzzles[card.dataset.puzzle];
    const part = (name) => card.querySelector(name);
    const slider = part("input"), button = part("button"), picture = part(".picture");
    const bar = part(".meter span"), value = part(".value"), says = part(".says");
    const label = button.getAttribute("aria-label").replace("Play ", "");
    const last = moments.length - 1;
    let timer = 0;

    const show = () => {
      const at = Number(slider.value), moment = moments[at];
      picture.innerHTML = pictures[moment.picture];
      bar.style.width = `${100 * (moment.q_halt ?? 0)}%`;
      value.textContent = moment.q_halt === null ? "–" : moment.q_halt.toFixed(2);
      const conflicts = moment.wrong ? ` · ${moment.wrong} in conflict` : "";
      says.textContent = `${moment.name}${at ? ` of ${last}` : ""} · ${moment.count}${conflicts}`;
      const sure = moment.q_halt === null ? "" : `, q_halt ${moment.q_halt.toFixed(2)}`;
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

    slider.addEventListener("input", () => { rest(); show(); });
    button.addEventListener("click", () => (timer ? rest() : play()));
    show();
  }
})();
