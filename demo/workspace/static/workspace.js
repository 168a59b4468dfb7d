"use strict";
// One rule: the server renders, this puts fragments in place and reports what a person does.
const state = JSON.parse(document.getElementById("state").textContent);
const query = (values) => new URLSearchParams({ user: state.user, ...values });

async function post(step, values) {
  const answer = await fetch(`/ui/${step}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: state.user, ...values }),
  });
  return answer.json();
}

// ---- showing ----
async function fragment(name, values) {
  const answer = await fetch(`/ui/${name}?${query(values)}`);
  return answer.ok ? answer.text() : "";
}

// A button that is drawn anew between a press and its release would not be clicked.
let released = null;
document.addEventListener("pointerdown", () => {
  released = new Promise((free) => {
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, () => setTimeout(free, 0), { once: true });
    }
    setTimeout(free, 10000);
  });
});

async function fill(target, name, values) {
  const html = await fragment(name, values);
  await released;
  const near = target.scrollHeight - target.scrollTop - target.clientHeight < 120;
  const first = !target.dataset.filled;
  const focused = placeOf(target);
  target.innerHTML = html; // rendered and escaped by the server
  target.dataset.filled = "yes";
  localise(target);
  if (focused) refocus(target, focused);
  if (name !== "home") announce(target, first);
  if (near || first) target.scrollTop = target.scrollHeight;
}

// Who uses the keyboard must not lose their place when a card is drawn anew.
function placeOf(target) {
  const element = document.activeElement;
  if (!element || element === target || !target.contains(element)) return null;
  const message = element.closest(".message");
  const own = message || target;
  const alike = (one) => one.tagName === element.tagName && one.className === element.className;
  const label = element.getAttribute("aria-label") || element.textContent;
  const index = all("*", own).filter(alike).indexOf(element);
  return { ts: message && message.dataset.ts, alike, label, index };
}

function refocus(target, { ts, alike, label, index }) {
  const message = ts ? $(`.message[data-ts="${CSS.escape(ts)}"]`, target) : null;
  if (ts && !message) return;
  const found = all("*", message || target).filter(alike);
  const same = found.find((one) => (one.getAttribute("aria-label") || one.textContent) === label);
  const next = same || found[index] || $("a, button", message || target);
  if (next) next.focus({ preventScroll: true });
}

// A region that is live as a whole would be read out as a whole each time: only news is said.
const said = new Map();
function announce(target, first) {
  const last = all(".message", target).pop();
  const text = last ? $(".content", last).innerText.replace(/\s+/g, " ").slice(0, 300) : "";
  if (!first && last && said.get(target.id) !== last.dataset.ts) $("#said").textContent = text;
  said.set(target.id, last ? last.dataset.ts : "");
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
let before = null;
let shownModal = "";
const showModal = () => refresh("modal", async () => {
  const html = await fragment("modal", { channel: state.channel });
  if (html === shownModal) return;
  if (!shownModal) before = document.activeElement;
  shownModal = html;
  $("#modal").innerHTML = html;
  localise($("#modal"));
  const dialog = $("#modal dialog");
  if (!dialog) { if (before && before.isConnected) before.focus(); return; }
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); closeModal(dialog); });
  dialog.showModal();
  const focus = $("[autofocus]", dialog)
    || $(".body input, .body textarea, .body select", dialog) || $("footer button", dialog);
  focus.focus();
});
const closeModal = (dialog) => post("close", { view_id: $(".modal", dialog).dataset.view });

function mark() {
  document.body.classList.toggle("at-home", Boolean(state.home));
  for (const link of all("#channels a")) {
    const home = link.matches(".open-home");
    const here = state.home ? home : link.dataset.channel === state.channel;
    link.classList.toggle("here", here);
    link.toggleAttribute("aria-current", here);
    if (here) link.setAttribute("aria-current", "page");
    if (here && home) {
      $("#title").textContent = "Beambot: Home";
    } else if (here) {
      link.classList.remove("unread");
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

async function openChannel(channel, thread = null) {
  state.channel = channel;
  state.home = false;
  state.thread = thread;
  delete $("#messages").dataset.filled;
  toggleMenu(false);
  mark();
  await Promise.all([showChannel(), showThread()]);
}

function toggleMenu(open) {
  document.body.classList.toggle("menu-open", open);
  $(".menu").setAttribute("aria-expanded", String(open));
  if (open) ($("#channels .here") || $("#channels a")).focus();
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
    const wrong = errors[block.dataset.block] || "";
    $(".error", block).textContent = wrong;
    for (const field of all("[data-action]", block)) field.setAttribute("aria-invalid", String(Boolean(wrong)));
  }
  const first = $("#modal [aria-invalid=true]");
  if (first) {
    first.focus();
  }
}

// ---- doing ----
function ask(template) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "confirm-dialog";
    dialog.append(template.content.cloneNode(true));
    $("h2", dialog).id = "confirm-title";
    $("p", dialog).id = "confirm-text";
    dialog.setAttribute("aria-labelledby", "confirm-title");
    dialog.setAttribute("aria-describedby", "confirm-text");
    document.body.append(dialog);
    let answer = false;
    $(".confirm-yes", dialog).onclick = () => { answer = true; dialog.close(); };
    $(".confirm-no", dialog).onclick = () => dialog.close();
    // Escape closes too, and says no.
    dialog.onclose = () => { dialog.remove(); resolve(answer); };
    dialog.showModal();
    $(".confirm-no", dialog).focus();
  });
}

async function press(button, value = button.dataset.value) {
  const message = button.closest(".message");
  const confirm = button.nextElementSibling;
  button.closest("details")?.removeAttribute("open");
  if (confirm && confirm.matches("template.confirm") && !(await ask(confirm))) return;
  const url = button.dataset.url && new URL(button.dataset.url);
  // Links to messages stay in the workspace, as in Slack.
  const inside = url && url.origin === location.origin;
  if (url && !inside) window.open(url.href, "_blank", "noopener");
  button.classList.add("busy");
  const done = await post("act", {
    channel: message.dataset.channelId || "",
    ts: message.dataset.ts,
    action_id: button.dataset.actionId,
    block_id: button.dataset.blockId,
    value,
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
  if (document.body.classList.contains("menu-open") && event.target.closest(".pane")
    && !event.target.closest(".menu")) toggleMenu(false);
  if (!target) return;
  const message = target.closest(".message");
  if (target.matches(".open-home")) {
    event.preventDefault();
    toggleMenu(false);
    state.home = true;
    state.thread = null;
    delete $("#messages").dataset.filled;
    mark();
    showThread();
    post("open-home", {}).then(showHome);
    showHome();
  } else if (target.matches("#channels a")) {
    event.preventDefault();
    openChannel(target.dataset.channel);
  } else if (target.matches(".open-thread")) {
    event.preventDefault();
    state.thread = target.dataset.thread;
    delete $("#thread").dataset.filled;
    mark();
    showThread().then(() => $("#reply textarea").focus());
  } else if (target.matches(".thread-close")) {
    const parent = $(`#messages .open-thread[data-thread="${CSS.escape(state.thread)}"]`);
    state.thread = null;
    mark();
    showThread().then(() => (parent || $("#composer textarea")).focus({ preventScroll: true }));
  } else if (target.matches(".dismiss")) {
    post("dismiss", { channel: message.dataset.channelId, ts: message.dataset.ts });
  } else if (target.matches(".shortcut")) {
    const where = message ? { channel: message.dataset.channelId, ts: message.dataset.ts } : {};
    all(".menu-list").forEach((menu) => menu.remove());
    post("shortcut", { callback_id: target.dataset.callback, ...where });
  } else if (target.matches(".lightning")) {
    toggleShortcuts(target);
  } else if (target.matches(".menu")) {
    toggleMenu(!document.body.classList.contains("menu-open"));
  } else if (target.matches(".modal-close")) {
    closeModal(target.closest("dialog"));
  } else if (target.matches("[data-action-id]")) {
    press(target);
  }
});

function toggleShortcuts(button) {
  const shown = $(".menu-list");
  button.setAttribute("aria-expanded", String(!shown));
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
  menu.firstElementChild?.focus();
}

document.addEventListener("keydown", (event) => {
  const list = event.target.closest(".menu-list, .completion");
  if (event.key === "Escape") {
    const menu = $(".menu-list");
    if (menu) { menu.remove(); $(".lightning").setAttribute("aria-expanded", "false"); $(".lightning").focus(); }
    else if (document.body.classList.contains("menu-open")) { toggleMenu(false); $(".menu").focus(); }
    else if (state.thread && event.target.closest(".thread-pane")) $(".thread-close").click();
  } else if (list && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    const items = all("button", list);
    const at = items.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    items[(at + items.length) % items.length].focus();
  }
});

// Menus, times and boxes in a message or on Home act when they are changed.
document.addEventListener("change", (event) => {
  const place = event.target.closest(".live");
  if (!place || event.target.closest("#modal")) return;
  const fields = all("[data-action]", place);
  place.dataset.actionId = fields[0].dataset.action;
  press(place, valueOf(fields));
});

function valueOf(fields) {
  const [first] = fields;
  const ticked = fields.filter((field) => field.checked).map((field) => field.value);
  if (first.type === "checkbox") return ticked;
  if (first.type === "radio") return ticked[0] || null;
  if (first.multiple) return [...first.selectedOptions].map((option) => option.value);
  return first.value || null;
}

function values(form) {
  const filled = {};
  for (const block of all(".input", form)) {
    const fields = all("[data-action]", block);
    if (fields.length) filled[block.dataset.block] = { [fields[0].dataset.action]: valueOf(fields) };
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
    if (field.form.id !== "composer" || $(".completion").hidden) return;
    if (event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      $(".completion button").click();
    } else if (event.key === "ArrowUp") {
      event.preventDefault();
      all(".completion button").pop().focus();
    } else if (event.key === "Escape") {
      $(".completion").hidden = true;
    }
  });
}
$("#person").addEventListener("change", (event) => {
  location.href = `/?user=${event.target.value}&channel=${state.channel}`;
});

mark();
openChannel(state.channel, state.thread).then(() => {
  if (!state.message) return;
  const wanted = $(`.message[data-ts="${CSS.escape(state.message)}"]`);
  if (wanted) { wanted.scrollIntoView({ block: "center" }); wanted.classList.add("wanted"); }
});
