// The curve of the halting head: how sure it is after each segment.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 400, HIGH = 96, LEFT = 9, RIGHT = 391, TOP = 8, FOOT = 84;

/** Draw the values of segments 1 … n, of which the first `at` are past. The slider below has the same scale. */
export function drawCurve(svg, values, at) {
  const last = Math.max(1, values.length);
  const x = (segment) => LEFT + ((RIGHT - LEFT) * segment) / last;
  const y = (share) => FOOT - (FOOT - TOP) * share;
  const points = values.map((share, i) => `${x(i + 1).toFixed(1)},${y(share).toFixed(1)}`);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.replaceChildren(
    ...[0, 0.5, 1].map((share) => made("line", { class: "rule", x1: LEFT, x2: RIGHT, y1: y(share), y2: y(share) })),
    made("polyline", { class: "line ahead", points: points.join(" ") }),
    made("polyline", { class: "line", points: points.slice(0, at).join(" ") }),
    ...(values.length <= 40 ? values.map((share, i) => made("circle", {
      class: i < at ? "dot" : "dot ahead", cx: x(i + 1), cy: y(share), r: 2.6,
    })) : []),
    ...[0, 1].map((share) => {
      const text = made("text", { x: -8, y: y(share) + 4, "text-anchor": "end" });
      text.textContent = percent(share);
      return text;
    }),
    ...(at ? [
      made("line", { class: "now", x1: x(at), x2: x(at), y1: TOP, y2: HIGH }),
      made("circle", { class: "here", cx: x(at), cy: y(values[at - 1]), r: 5.5 }),
    ] : []),
  );
  const sure = values.length ? ` ${percent(values[0])} after segment 1, ${percent(values.at(-1))} at the end.` : "";
  svg.setAttribute("aria-label", `How sure the network is that its answer is right:${sure}`);
}

/** Write a share in percent, as text. */
export const percent = (share) => `${Math.round(100 * share)}\u202f%`;

function made(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
