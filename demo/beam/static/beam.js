"use strict";

const rows = new Map();
const template = document.getElementById("row");
const titles = new Map(
  [...document.querySelectorAll("[data-start]")].map((b) => [b.dataset.start, b.textContent]),
);

async function control(method, path, body) {
  const response = await fetch(`/_control/${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status} from the simulated Beam`);
  return response.json();
}

function duration(from, to) {
  if (!from) return "";
  const seconds = Math.max(0, Math.round(((to ? new Date(to) : Date.now()) - new Date(from)) / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

async function copy(text, button) {
  const label = button.innerHTML;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // No clipboard without permission: show the words to copy by hand.
    window.prompt("Copy this", text);
  }
  setTimeout(() => { button.innerHTML = label; }, 1200);
}

function newRow(id) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.querySelector(".id").textContent = id;
  row.querySelector(".copy").addEventListener("click", (event) => {
    copy(`/beam watch ${id}`, event.currentTarget);
  });
  row.querySelector("select").addEventListener("change", async (event) => {
    const status = event.target.value;
    event.target.value = "";
    if (status) await control("POST", `tasks/${id}`, { status });
    refresh();
  });
  rows.set(id, row);
  return row;
}

function fill(row, task) {
  const { payload, simulation } = task;
  row.querySelector(".name").textContent = (payload.stub?.name ?? "").split("/").pop();
  row.querySelector(".title").textContent = titles.get(simulation.recipe) ?? "";
  const status = row.querySelector(".status");
  status.textContent = status.dataset.status = simulation.status;
  row.querySelector(".age").textContent = duration(payload.created_at);
  row.querySelector(".ran").textContent = duration(payload.started_at, payload.ended_at);
}

async function refresh() {
  const counts = document.getElementById("counts");
  try {
    const [tasks, faults] = await Promise.all([control("GET", "tasks"), control("GET", "faults")]);
    const over = tasks.filter((task) => task.simulation.over).length;
    counts.textContent = `${tasks.length - over} under way, ${over} finished`;
    const all = document.getElementById("all").checked;
    const shown = tasks.filter((task) => all || !task.simulation.over || task.simulation.steps_left);
    const body = document.getElementById("tasks");
    const wanted = shown.map((task) => {
      const row = rows.get(task.id) ?? newRow(task.id);
      fill(row, task);
      return row;
    });
    // Rows are moved only when their order changed, so that an open menu stays open.
    if (wanted.length !== body.children.length || wanted.some((r, i) => r !== body.children[i])) {
      body.replaceChildren(...wanted);
    }
    document.getElementById("empty").hidden = shown.length > 0;
    const kinds = new Set(faults.map((fault) => fault.kind));
    for (const button of document.querySelectorAll("[data-fault]")) {
      button.setAttribute("aria-pressed", String(kinds.has(button.dataset.fault)));
    }
    document.getElementById("outage").textContent = faults.length
      ? "Beam is misbehaving. Press the button again to end it."
      : "Beam answers as it should.";
  } catch {
    counts.textContent = "The simulated Beam does not answer. Is it still running?";
  }
}

for (const button of document.querySelectorAll("[data-start]")) {
  button.addEventListener("click", async () => {
    await control("POST", "tasks", { kind: button.dataset.start });
    refresh();
  });
}
for (const button of document.querySelectorAll("[data-fault]")) {
  button.addEventListener("click", async () => {
    const wasOn = button.getAttribute("aria-pressed") === "true";
    await control("DELETE", "faults");
    if (!wasOn) {
      await control("POST", "faults", { path: "*", kind: button.dataset.fault, retry_after: 10 });
    }
    refresh();
  });
}
document.getElementById("all").addEventListener("change", refresh);
document.getElementById("reset").addEventListener("click", async () => {
  await control("POST", "reset");
  rows.clear();
  refresh();
});
refresh();
setInterval(refresh, 1000);
