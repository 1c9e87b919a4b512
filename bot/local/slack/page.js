// The stand-in's page: shows what the server drew, and sends clicks. It builds no HTML of its own from any message.
"use strict";
const token = new URLSearchParams(location.search).get("token");
const who = document.getElementById("who");
const place = document.getElementById("place");
const veil = document.getElementById("veil");
const notice = document.getElementById("notice");
let seen = Number(place.dataset.version);
let shownPlace = "";
let shownTo = "";
let shownModal = "";
let pressing = false;
let waiting = null; // what came while a button was held down: drawn at once, it would take the button away from under the click

document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => setTimeout(() => {
    pressing = false;
    if (waiting) show(waiting);
  }), true);
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "X-Page-Token": token, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify({ user: who.value, ...body }),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function show(state) {
  seen = state.version;
  waiting = pressing ? state : null;
  if (waiting) return;
  if (state.place !== shownPlace) {
    const open = new Set([...place.querySelectorAll("details[open] > summary")].map(key));
    const told = new Set([...place.querySelectorAll("article.private")].map((a) => a.dataset.ts));
    place.innerHTML = shownPlace = state.place;
    for (const summary of place.querySelectorAll("details > summary")) if (open.has(key(summary))) summary.parentElement.open = true;
    const fresh = [...place.querySelectorAll("article.private")].find((a) => !told.has(a.dataset.ts));
    if (fresh && shownTo === who.value) reveal(fresh);
  }
  shownTo = who.value;
  if (state.modal_id === shownModal) return;
  shownModal = state.modal_id;
  veil.innerHTML = state.modal;
  veil.hidden = !state.modal_id;
  veil.querySelector("input, select, textarea, button")?.focus();
}

// An answer to one person alone is the newest message, wherever on the page they pressed.
function reveal(article) {
  const thread = article.closest("details");
  if (thread) thread.open = true;
  article.scrollIntoView({ block: "center" });
}

function key(summary) {
  const article = summary.closest("article") || summary.closest(".thread")?.querySelector("article");
  return (article?.dataset.ts || "") + summary.className + summary.parentElement.className;
}

async function act(path, body, button) {
  notice.textContent = "";
  if (button) button.disabled = true;
  try {
    const done = await ask(path, body);
    if (done.trouble && !veil.querySelector(".modal")) notice.textContent = "⚠ " + done.trouble;
    return done;
  } catch (error) {
    notice.textContent = "⚠ the stand-in does not answer (" + error.message + ")";
    return { trouble: error.message };
  } finally {
    if (button) button.disabled = false;
  }
}

place.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action], [data-shortcut]");
  if (!button) return;
  const at = button.closest("article");
  if (!at) {
    const alike = [...place.querySelectorAll(`[data-action="${CSS.escape(button.dataset.action)}"]`)];
    act("press_home", { action: button.dataset.action, number: alike.indexOf(button) }, button);
    return;
  }
  const menu = button.closest("details.overflow");
  if (menu) menu.open = false;
  if (button.dataset.shortcut) {
    act("shortcut", { channel: at.dataset.channel, ts: at.dataset.ts, action: button.dataset.shortcut }, button);
    return;
  }
  act("press", { channel: at.dataset.channel, ts: at.dataset.ts, action: button.dataset.action, option: button.dataset.option || "" }, button);
});

veil.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) act("close", {});
});

veil.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const values = {};
  for (const block of form.querySelectorAll("[data-block]")) {
    const ticked = [...block.querySelectorAll("input:checked")].map((i) => i.value);
    const field = block.querySelector("select, textarea, input:not([type=checkbox]):not([type=radio])");
    values[block.dataset.block] = field ? field.value : block.querySelector("[type=radio]") ? ticked[0] || "" : ticked;
    block.querySelector(".wrong").textContent = "";
  }
  const done = await act("submit", { values }, form.querySelector("[data-submit]"));
  form.querySelector(".trouble").textContent = done.trouble ? "⚠ " + done.trouble : "";
  for (const [block, what] of Object.entries(done.errors || {})) {
    const wrong = form.querySelector(`[data-block="${CSS.escape(block)}"] .wrong`);
    if (wrong) wrong.textContent = what;
  }
});

document.getElementById("slash").addEventListener("submit", (event) => {
  event.preventDefault();
  const [command, ...rest] = event.target.elements.text.value.trim().split(" ");
  act("slash", { command, text: rest.join(" ") });
  event.target.reset();
});

document.getElementById("home").addEventListener("click", (event) => {
  const home = document.body.classList.toggle("at-home");
  event.target.textContent = home ? "Channel" : "Home";
  window.scrollTo(0, 0);
  if (home) act("home", {});
  watch(true);
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(event.target)) menu.open = false;
});

who.addEventListener("change", () => { shownModal = null; watch(true); });

let turn = 0;
async function watch(again) {
  const mine = ++turn;
  if (again) seen = -1;
  while (mine === turn) {
    try {
      const home = document.body.classList.contains("at-home") ? 1 : 0;
      const state = await ask(`state?user=${encodeURIComponent(who.value)}&since=${seen}&home=${home}`);
      if (mine === turn && state.version !== seen) show(state);
    } catch {
      await new Promise((r) => setTimeout(r, 1000));
    }
  }
}
watch(false);
