// Keeps an open page as the server would draw it now. It owns nothing: a reload shows the same.
"use strict";
const run = document.querySelector("[data-live-at]");
const list = document.querySelector("[data-poll]");
const drawn = new Map();
let last = 0, busy = false, again = false, stream = null, ahead = 0;

// What the server drew is kept as text: only what it draws differently later is put in anew.
for (const one of document.querySelectorAll("[data-live]")) drawn.set(one.id, one.outerHTML);

function put(fresh) {
  const old = document.getElementById(fresh.id);
  const text = fresh.outerHTML;
  if (fresh.hasAttribute("data-live")) {
    const before = drawn.get(fresh.id);
    drawn.set(fresh.id, text);
    if (before === text) return;
    // A form that came back with what was typed stays for as long as the question does.
    if (before === undefined && old && fresh.childElementCount) return;
  }
  if (!old) {
    document.getElementById(fresh.dataset.into)?.append(fresh);
    return;
  }
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  for (const was of [...old.querySelectorAll("details[id]")]) {
    const is = fresh.querySelector(`#${CSS.escape(was.id)}`);
    if (is) is.open = was.open;
  }
  old.replaceWith(fresh);
  if (!focus) return;
  const named = focus.id || focus.closest("[id]")?.id;
  const to = named && document.getElementById(named);
  (to?.matches("summary,a,button,input,select,textarea") ? to : to?.querySelector("summary,a,button"))
    ?.focus({preventScroll: true});
}

async function get(address) {
  const answer = await fetch(address, {headers: {"X-Fragment": "1"}});
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// One question at a time; whatever rings meanwhile is answered by the next.
async function draw() {
  if (busy) { again = true; return; }
  busy = true;
  do {
    again = false;
    try {
      const query = new URLSearchParams({after: last, first: run.dataset.first});
      const got = await get(`${run.dataset.liveAt}/live?${query}`);
      last = Number(got.body.dataset.last);
      ahead = Number(got.body.dataset.now) - Date.now() / 1000;
      for (const fresh of [...got.body.children]) put(document.adoptNode(fresh));
      run.toggleAttribute("data-open", got.body.hasAttribute("data-open"));
      tick();
    } catch { again = !document.hidden; say("away"); await rest(2000); }
    await rest(250);
  } while (again);
  busy = false;
  if (!run.hasAttribute("data-open")) hang_up();
}

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

function say(how) {
  const words = {live: "실시간 · live", away: "다시 잇는 중 · reconnecting", over: ""}[how];
  const link = document.getElementById("link");
  link.hidden = !words;
  link.dataset.how = how;
  document.getElementById("link-words").textContent = words;
}

// A browser allows few connections to one host: a page that nobody looks at gives its own back.
function listen() {
  if (stream || document.hidden || !run.hasAttribute("data-open")) return;
  stream = new EventSource(`${run.dataset.liveAt}/stream`);
  stream.onmessage = () => { say("live"); draw(); };
  stream.onerror = () => {
    say("away");
    if (stream?.readyState !== EventSource.CLOSED) return;
    stream = null;
    setTimeout(listen, 3000);
  };
}

function hang_up() {
  stream?.close();
  stream = null;
  say("over");
}

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds)), m = Math.floor(s / 60), h = Math.floor(m / 60);
  if (s < 60) return `${s}초`;
  return s < 3600 ? `${m}분 ${s % 60}초` : `${h}시간 ${m % 60}분`;
}

function tick() {
  const now = Date.now() / 1000 + ahead;
  for (const one of document.querySelectorAll("[data-since]")) one.textContent = span(now - one.dataset.since);
  for (const one of document.querySelectorAll("[data-until]")) one.textContent = span(one.dataset.until - now);
}

async function poll() {
  if (document.hidden) return;
  try {
    const fresh = (await get(location.href)).getElementById("list");
    const own = document.getElementById("list");
    if (fresh && own.outerHTML !== fresh.outerHTML && !own.contains(document.activeElement)) own.replaceWith(document.adoptNode(fresh));
  } catch { /* the next time */ }
}

// A form sent twice by an impatient hand asks once.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const one of document.querySelectorAll("[data-sent]")) delete one.dataset.sent;
});

if (run) {
  last = Number(run.dataset.last);
  ahead = Number(run.dataset.now) - Date.now() / 1000;
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stream?.close(); stream = null; return; }
    draw().then(listen);
  });
  listen();
}
if (list) setInterval(poll, 1000 * Number(list.dataset.poll));
