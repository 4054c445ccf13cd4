"use strict";
// Source to the left of the bar, encode to the right: one range for each pair, or the pointer.
for (const figure of document.querySelectorAll("figure.compare")) {
  const range = figure.querySelector("input");
  const encode = figure.querySelector(".encode");
  const bar = figure.querySelector(".bar");
  const pair = figure.querySelector(".pair");
  const show = (share) => {
    encode.style.clipPath = `inset(0 0 0 ${share}%)`;
    bar.style.left = `${share}%`;
  };
  range.addEventListener("input", () => show(Number(range.value)));
  const follow = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = pair.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * 100;
    range.value = String(share);
    show(share);
  };
  pair.addEventListener("pointerdown", follow);
  pair.addEventListener("pointermove", follow);
  show(Number(range.value));
}
