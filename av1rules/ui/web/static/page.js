"use strict";
// Keeps an open page up to date. Without it all is there, as of when it was loaded.
const root = document.body.dataset.root;

// --- parts of the page, patched in place: focus, open details and transitions stay

const patch = (old, wanted) => {
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName) {
    old.replaceWith(wanted.cloneNode(true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== wanted.nodeValue) old.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patchChildren(old, wanted);
};

const patchChildren = (old, wanted) => {
  const keyed = new Map();
  for (const child of old.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let place = old.firstChild;
  for (const child of wanted.childNodes) {
    const key = child.nodeType === Node.ELEMENT_NODE ? child.dataset.key : undefined;
    const known = key === undefined ? undefined : keyed.get(key);
    if (known !== undefined && known !== place) {
      old.insertBefore(known, place);
      patch(known, child);
    } else if (place === null || (key !== undefined && known === undefined)) {
      old.insertBefore(child.cloneNode(true), place);
    } else {
      const next = place.nextSibling;
      patch(place, child);
      place = next;
    }
  }
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
};

const spoken = document.querySelector("#spoken");
let lastSpoken = null;

const take = (parts) => {
  const parser = document.createElement("template");
  for (const [name, html] of Object.entries(parts)) {
    parser.innerHTML = html;
    if (name === "spoken") {
      const text = parser.content.textContent;
      if (lastSpoken !== null && text !== lastSpoken) spoken.textContent = text;
      lastSpoken = text;
      continue;
    }
    for (const place of document.querySelectorAll(`[data-part="${name}"]`)) {
      patchChildren(place, parser.content);
    }
  }
};

const lost = document.querySelector("#lost");
if (lost) {
  const listen = () => {
    const events = new EventSource(`${root}/events`);
    events.addEventListener("parts", (event) => take(JSON.parse(event.data)));
    events.addEventListener("open", () => { lost.hidden = true; });
    events.addEventListener("error", () => {
      lost.hidden = false;
      // A refusal ends the source for good; a lost connection comes back by itself.
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
    });
    window.addEventListener("pagehide", () => events.close(), { once: true });
  };
  listen();
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// --- source and encode side by side: FFmpeg takes the pictures, which takes a while

const comparison = document.querySelector("#comparison[data-address]");
if (comparison) {
  const note = comparison.querySelector("[data-waits]");
  fetch(comparison.dataset.address, { headers: { accept: "text/html" } })
    .then(async (answer) => {
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        throw new Error(page.querySelector(".problem")?.textContent ?? answer.statusText);
      }
      comparison.innerHTML = await answer.text();
      const script = document.createElement("script");
      script.src = comparison.dataset.script;
      document.body.append(script);
    })
    .catch((problem) => {
      note.textContent = `There are no pictures: ${problem.message}`;
      note.classList.add("problem");
    })
    .finally(() => comparison.removeAttribute("aria-busy"));
}

// --- forms: what was sent once is not sent twice

document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button");
  if (!button || event.target.method !== "post") return;
  if (button.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    return;
  }
  button.setAttribute("aria-disabled", "true");
  if (spoken) spoken.textContent = "One moment.";
});

// --- a link from elsewhere comes without the cookie: it is strict; the page itself has it

if (document.body.classList.contains("login") && !document.querySelector(".problem")) {
  fetch(`${root}/state.json`).then((answer) => {
    if (!answer.ok || sessionStorage.getItem("tried") === location.href) return;
    sessionStorage.setItem("tried", location.href);
    location.replace(location.href);
  }).catch(() => {});
}
