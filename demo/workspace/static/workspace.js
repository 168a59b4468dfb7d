"use strict";
// One rule: the server renders, this puts fragments in place and reports what a person does.
const state = JSON.parse(document.getElementById("state").textContent);
const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const query = (values) => new URLSearchParams({ user: state.user, ...values });

async function post(step, values) {
  const answer = await fetch(`/ui/${step}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: state.user, ...values }),
  });
  return answer.json();
}

// ---- times, in the reader's own zone ----
function dateText(when, format) {
  const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const ago = Math.round((day(new Date()) - day(when)) / 86400000);
  const near = { 0: "Today", 1: "Yesterday", "-1": "Tomorrow" }[ago];
  const date = (style) => new Intl.DateTimeFormat(undefined, style).format(when);
  const long = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
  const medium = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const lower = near && (format.startsWith("{") ? near : near.toLowerCase());
  const tokens = {
    "{date_num}": () => when.toISOString().slice(0, 10),
    "{date}": () => date(medium),
    "{date_short}": () => date(short),
    "{date_long}": () => date(long),
    "{date_pretty}": () => lower || date(medium),
    "{date_short_pretty}": () => lower || date(short),
    "{date_long_pretty}": () => lower || date(long),
    "{time}": () => date({ hour: "numeric", minute: "2-digit" }),
    "{time_secs}": () => date({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
  };
  return format.replace(/\{[a-z_]+\}/g, (token) => (tokens[token] ? tokens[token]() : token));
}

function localise(root) {
  for (const time of all("time[data-format]", root)) {
    const when = new Date(time.getAttribute("datetime"));
    time.textContent = dateText(when, time.dataset.format);
    time.title = when.toLocaleString();
  }
}

// ---- showing ----
async function fragment(name, values) {
  const answer = await fetch(`/ui/${name}?${query(values)}`);
  return answer.ok ? answer.text() : "";
}

async function fill(target, name, values) {
  const html = await fragment(name, values);
  const near = target.scrollHeight - target.scrollTop - target.clientHeight < 120;
  const first = !target.dataset.filled;
  target.innerHTML = html; // rendered and escaped by the server
  target.dataset.filled = "yes";
  localise(target);
  if (near || first) target.scrollTop = target.scrollHeight;
}

let again = {};
// Several changes at once are one request, and never two at a time for one place.
function refresh(name, work) {
  if (again[name]) { again[name].more = true; return again[name].done; }
  const mine = { more: true };
  again[name] = mine;
  mine.done = (async () => {
    while (mine.more) { mine.more = false; await work(); }
    delete again[name];
  })();
  return mine.done;
}

const showChannel = () => refresh("channel", async () => {
  if (!state.home) await fill($("#messages"), "channel", { channel: state.channel });
});
// The Home tab takes the channel's place until a channel is opened again.
const showHome = () => refresh("home", async () => {
  if (state.home) await fill($("#messages"), "home", {});
});
const showThread = () => refresh("thread", async () => {
  $(".thread-pane").hidden = !state.thread;
  if (state.thread) await fill($("#thread"), "thread", { channel: state.channel, ts: state.thread });
});
const showSidebar = () => refresh("sidebar", async () => {
  const unread = new Set(all("#channels .unread").map((link) => link.dataset.channel));
  $("#channels").innerHTML = await fragment("sidebar", {});
  for (const link of all("#channels a")) link.classList.toggle("unread", unread.has(link.dataset.channel));
  mark();
});
const showModal = () => refresh("modal", async () => {
  $("#modal").innerHTML = await fragment("modal", { channel: state.channel });
  localise($("#modal"));
  const focus = $("#modal [autofocus]") || $("#modal input, #modal textarea, #modal button");
  if (focus) focus.focus();
});

function mark() {
  document.body.classList.toggle("at-home", Boolean(state.home));
  for (const link of all("#channels a")) {
    const home = link.matches(".open-home");
    const here = state.home ? home : link.dataset.channel === state.channel;
    link.classList.toggle("here", here);
    if (here && home) {
      $("#title").textContent = "Beambot: Home";
    } else if (here) {
      link.classList.remove("unread");
      link.setAttribute("aria-current", "page");
      const name = link.dataset.name;
      const title = state.channel.startsWith("D") ? name : `#${name}`;
      $("#title").textContent = title;
      $("#composer textarea").setAttribute("aria-label", `Message ${title}`);
      $("#composer textarea").placeholder = `Message ${title}`;
    }
  }
  const values = { channel: state.channel };
  if (state.thread) values.thread = state.thread;
  history.replaceState(null, "", `/?${query(values)}`);
}

async function open(channel, thread = null) {
  state.channel = channel;
  state.home = false;
  state.thread = thread;
  delete $("#messages").dataset.filled;
  document.body.classList.remove("menu-open");
  mark();
  await Promise.all([showChannel(), showThread()]);
}

function toast(text) {
  const note = document.createElement("div");
  note.className = "toast";
  note.setAttribute("role", "alert");
  note.textContent = text;
  document.body.append(note);
  setTimeout(() => note.remove(), 6000);
}

// ---- live ----
const stream = new EventSource(`/ui/stream?${query({})}`);
stream.onopen = () => { showSidebar(); showChannel(); showThread(); showModal(); };
stream.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.kind.startsWith("view_")) {
    if (event.data.errors) showErrors(event.data.errors); else showModal();
  } else if (event.kind === "home") {
    showHome();
  } else if (event.kind === "channel") {
    showSidebar();
  } else if (event.kind === "notice" && event.data.text) {
    toast(event.data.text);
  } else if (event.channel === state.channel) {
    showChannel();
    showThread();
  } else if (event.kind === "message") {
    const link = $(`#channels a[data-channel="${CSS.escape(event.channel)}"]`);
    if (link) link.classList.add("unread");
  }
};

function showErrors(errors) {
  for (const block of all("#modal .input")) {
    $(".error", block).textContent = errors[block.dataset.block] || "";
  }
}

// ---- doing ----
function ask(template) {
  return new Promise((resolve) => {
    const backdrop = document.createElement("div");
    backdrop.className = "backdrop";
    const dialog = document.createElement("div");
    dialog.className = "confirm-dialog";
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.append(template.content.cloneNode(true));
    backdrop.append(dialog);
    document.body.append(backdrop);
    const close = (answer) => { backdrop.remove(); resolve(answer); };
    $(".confirm-yes", dialog).onclick = () => close(true);
    $(".confirm-no", dialog).onclick = () => close(false);
    backdrop.onkeydown = (event) => { if (event.key === "Escape") close(false); };
    $(".confirm-no", dialog).focus();
  });
}

async function press(button) {
  const message = button.closest(".message");
  const confirm = button.nextElementSibling;
  if (confirm && confirm.matches("template.confirm") && !(await ask(confirm))) return;
  const url = button.dataset.url && new URL(button.dataset.url);
  // Links to messages stay in the workspace, as in Slack.
  const inside = url && url.origin === location.origin;
  if (url && !inside) window.open(url, "_blank", "noopener");
  button.classList.add("busy");
  const done = await post("act", {
    channel: message.dataset.channelId || "",
    ts: message.dataset.ts,
    action_id: button.dataset.actionId,
    block_id: button.dataset.blockId,
    unfurl: button.closest(".unfurl")?.dataset.unfurl,
  });
  button.classList.remove("busy");
  button.classList.toggle("failed", Boolean(done.error) || (done.status || 0) >= 400);
  if (inside) {
    url.searchParams.set("user", state.user);
    location.href = url;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("a, button");
  if (!target) return;
  const message = target.closest(".message");
  if (target.matches(".open-home")) {
    event.preventDefault();
    state.home = true;
    state.thread = null;
    delete $("#messages").dataset.filled;
    mark();
    showThread();
    post("open-home", {}).then(showHome);
    showHome();
  } else if (target.matches("#channels a")) {
    event.preventDefault();
    open(target.dataset.channel);
  } else if (target.matches(".open-thread")) {
    event.preventDefault();
    state.thread = target.dataset.thread;
    delete $("#thread").dataset.filled;
    mark();
    showThread();
  } else if (target.matches(".thread-close")) {
    state.thread = null;
    mark();
    showThread();
  } else if (target.matches(".dismiss")) {
    post("dismiss", { channel: message.dataset.channelId, ts: message.dataset.ts });
  } else if (target.matches(".shortcut")) {
    const where = message ? { channel: message.dataset.channelId, ts: message.dataset.ts } : {};
    all(".menu-list").forEach((menu) => menu.remove());
    post("shortcut", { callback_id: target.dataset.callback, ...where });
  } else if (target.matches(".lightning")) {
    toggleShortcuts(target);
  } else if (target.matches(".menu")) {
    document.body.classList.toggle("menu-open");
  } else if (target.matches(".modal-close")) {
    post("close", { view_id: target.closest(".modal").dataset.view });
  } else if (target.matches("[data-action-id]")) {
    press(target);
  }
});

function toggleShortcuts(button) {
  const shown = $(".menu-list");
  if (shown) { shown.remove(); return; }
  const menu = document.createElement("div");
  menu.className = "menu-list";
  for (const one of state.shortcuts.filter((each) => each.type === "global")) {
    const item = document.createElement("button");
    item.type = "button";
    item.className = "shortcut";
    item.dataset.callback = one.callback_id;
    item.textContent = one.name;
    menu.append(item);
  }
  button.parentElement.append(menu);
}

function values(form) {
  const filled = {};
  for (const block of all(".input", form)) {
    const fields = all("[data-action]", block);
    if (!fields.length) continue;
    const kind = fields[0].type;
    const ticked = fields.filter((field) => field.checked).map((field) => field.value);
    const value = kind === "checkbox" ? ticked : kind === "radio" ? ticked[0] || null : fields[0].value;
    filled[block.dataset.block] = { [fields[0].dataset.action]: value };
  }
  return filled;
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.matches(".modal")) {
    const done = await post("submit", { view_id: form.dataset.view, values: values(form) });
    if (done.answer && done.answer.response_action === "errors") showErrors(done.answer.errors);
    else if (done.error) toast(done.error);
    else showModal();
  } else if (form.matches(".composer")) {
    send(form);
  }
});

async function send(form) {
  const field = $("textarea", form);
  const text = field.value;
  if (!text.trim()) return;
  field.value = "";
  complete();
  const where = { channel: state.channel };
  if (form.id === "reply") where.thread_ts = state.thread;
  const done = await post("say", { text, ...where });
  if (done.notice) toast(done.notice);
  else if (done.error) { field.value = text; toast(done.error); }
}

function complete() {
  const box = $(".completion"), field = $("#composer textarea"), text = field.value;
  const found = text.startsWith("/") && !text.includes(" ")
    ? state.commands.filter((one) => one.command.startsWith(text)) : [];
  box.hidden = !found.length;
  box.replaceChildren(...found.map((one) => {
    const item = document.createElement("button");
    item.type = "button";
    item.textContent = `${one.command} ${one.usage_hint || ""} — ${one.description || ""}`;
    item.onclick = () => { field.value = `${one.command} `; complete(); field.focus(); };
    return item;
  }));
}

$("#composer textarea").addEventListener("input", complete);
for (const field of all(".composer textarea")) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(field.form); }
    if (event.key === "Tab" && !$(".completion").hidden) {
      event.preventDefault();
      $(".completion button").click();
    }
  });
}
$("#person").addEventListener("change", (event) => {
  location.href = `/?user=${event.target.value}&channel=${state.channel}`;
});

mark();
open(state.channel, state.thread).then(() => {
  if (!state.message) return;
  const wanted = $(`.message[data-ts="${CSS.escape(state.message)}"]`);
  if (wanted) { wanted.scrollIntoView({ block: "center" }); wanted.classList.add("wanted"); }
});
