// Colors that stand for symbols, one for light and one for dark paper.
const SCHEMES = ["light", "dark"];

/** Give an element the color of a token; without one, take it away. */
export function paint(element, fill) {
  element.classList.toggle("filled", Boolean(fill));
  for (const scheme of SCHEMES) {
    const [ground, ink] = fill?.[scheme] ?? [null, null];
    element.style.setProperty(`--fill-${scheme}`, ground);
    element.style.setProperty(`--ink-${scheme}`, ink);
  }
}
