"use strict";
// Two encodes, or the source, under the slider: the left one below, the right one cut off over it.
const figures = [...document.querySelectorAll("figure.compare")];
for (const figure of figures) {
  const range = figure.querySelector("input");
  const bar = figure.querySelector(".bar");
  const pair = figure.querySelector(".pair");
  const show = (share) => {
    for (const image of pair.querySelectorAll("img")) {
      image.style.clipPath = image.classList.contains("over") ? `inset(0 0 0 ${share}%)` : "";
    }
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

const full = document.querySelector("#full");
if (full) {
  full.checked = false;
  full.addEventListener("change", () => document.body.classList.toggle("full", full.checked));
}

const left = document.querySelector("#left");
const rights = [...document.querySelectorAll("input[name=right]")];

// What is chosen on the left and on the right; everything told of one encode follows the right.
const choose = () => {
  const chosen = rights.find((one) => one.checked);
  for (const figure of figures) {
    for (const image of figure.querySelectorAll("img")) {
      image.classList.toggle("under", image.dataset.of === left.value);
      image.classList.toggle("over", image.dataset.of === chosen.value);
    }
    figure.querySelector(".side.left").textContent = left.selectedOptions[0].textContent;
    figure.querySelector(".side.right").textContent = chosen.parentElement.textContent;
    figure.querySelector("input").dispatchEvent(new Event("input"));
  }
  const films = [...document.querySelectorAll("video[data-encode]")];
  const before = films.find((film) => !film.hidden);
  for (const part of document.querySelectorAll("[data-encode]")) {
    part.hidden = part.dataset.encode !== chosen.value;
  }
  const after = films.find((film) => !film.hidden);
  if (after && before && after !== before) {
    after.currentTime = before.currentTime;
    if (!before.paused) after.play().catch(() => {});
    before.pause();
  }
  for (const line of document.querySelectorAll("[data-line]")) {
    line.classList.toggle("chosen", line.dataset.line === chosen.value);
  }
};

if (left) {
  for (const one of [left, ...rights]) one.addEventListener("change", choose);
  left.value = "source"; // a page that is loaded again begins anew
  rights[0].checked = true;
  choose();
}
