"use strict";
// Times as Slack shows them; what stands in the page before is what Slack falls back to.
const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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
