// Moves through the segments of an answer: a slider, a button, arrow keys.
const SLOW_MS = 650, FAST_MS = 90, WHOLE_MS = 9000;

export class Player {
  /**
   * @param {HTMLInputElement} slider
   * @param {HTMLButtonElement} button
   * @param {(at: number) => string} show draws a moment, and returns it in words
   */
  constructor(slider, button, show) {
    Object.assign(this, { slider, button, show, timer: 0 });
    slider.addEventListener("input", () => { this.rest(); this.#draw(); });
    slider.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      button.click();
    });
    button.addEventListener("click", () => (this.timer ? this.rest() : this.play()));
    this.rest();
  }

  get at() { return Number(this.slider.value); }

  get last() { return Number(this.slider.max); }

  /** Say how many segments there are, and go to one of them. */
  load(last, at) {
    this.rest();
    this.slider.max = last;
    this.go(at);
  }

  go(at) {
    this.slider.value = at;
    this.#draw();
  }

  play() {
    if (this.at === this.last) this.go(0);
    this.#looks("Pause", "pause");
    const pause = Math.min(SLOW_MS, Math.max(FAST_MS, WHOLE_MS / this.last));
    this.timer = setInterval(() => {
      if (this.at < this.last) this.go(this.at + 1);
      if (this.at === this.last) this.rest();
    }, pause);
  }

  rest() {
    clearInterval(this.timer);
    this.timer = 0;
    this.#looks("Play", "play");
  }

  #looks(label, icon) {
    this.button.setAttribute("aria-label", label);
    this.button.dataset.icon = icon;
  }

  #draw() {
    const words = this.show(this.at);
    if (words) this.slider.setAttribute("aria-valuetext", words);
  }
}
