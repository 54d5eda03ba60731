"use strict";
// Progressive enhancement: every page works without scripts.

const page = document.getElementById("page");

function toast(text, failed) {
  const container = document.getElementById("toasts");
  const note = document.createElement("p");
  note.className = "toast toast-floating" + (failed ? " toast-failed" : "");
  note.textContent = text;
  container.querySelector(".toast-floating")?.remove();
  container.append(note);
  setTimeout(() => note.remove(), 5000);
}

// --- Prevent double submission ---

function allowSubmit(form) {
  delete form.dataset.sent;
  form
    .querySelectorAll("[aria-disabled]")
    .forEach((button) => button.removeAttribute("aria-disabled"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  form
    .querySelectorAll("[type=submit]")
    .forEach((button) => button.setAttribute("aria-disabled", "true"));
  // The user may have stopped loading, or the network may have failed.
  setTimeout(allowSubmit, 15000, form);
});

// A page restored from the back/forward cache may be submitted again and may be outdated.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach(allowSubmit);
  schedulePoll();
});

// --- Copy to the clipboard ---

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // navigator.clipboard is missing on plain http, except on localhost.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (!copied) throw new Error("copy failed");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  copy(button.dataset.copy).then(
    () => toast(button.dataset.copied || "DNS Record was copied to clipboard"),
    () => toast("The browser did not allow copying", true),
  );
});

// --- Delete dialog ---

const dialog = document.getElementById("delete-dialog");

// Whether the click opens a new tab or a menu, or downloads.
function opensElsewhere(event) {
  return event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-delete]");
  if (!link || !dialog || opensElsewhere(event)) return;
  event.preventDefault();
  // The dialog of a list is filled in here; the dialog of a single object is complete already.
  document.getElementById("delete-id")?.setAttribute("value", link.dataset.delete);
  document.getElementById("delete-name")?.replaceChildren(link.dataset.name);
  const row = link.closest("[role=row]");
  const rowText = (selector) => row?.querySelector(selector)?.textContent ?? "";
  document.getElementById("delete-type")?.replaceChildren(rowText(".tag"));
  document.getElementById("delete-value")?.replaceChildren(rowText(".value"));
  dialog.showModal();
  page.setAttribute("aria-hidden", "true");
});

function showPage() {
  page.removeAttribute("aria-hidden");
}

document.getElementById("delete-cancel")?.addEventListener("click", (event) => {
  if (!dialog) return;
  event.preventDefault();
  showPage(); // Before the focus returns to the page.
  dialog.close();
});
dialog?.addEventListener("cancel", showPage);
dialog?.addEventListener("close", showPage);

// Links with the role of a button also react to the space bar.
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a[role=button]")) {
    event.preventDefault();
    event.target.click();
  }
});

// --- Menus: arrow keys, Home and End move among the items (APG, menu button pattern) ---

function makeMenu(menu) {
  const popover = menu.closest("[popover]");
  const button = document.querySelector(`[popovertarget="${popover.id}"]`);
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const focusItem = (at) => items.at(at % items.length).focus();
  // Beside other links, the Tab key reaches the first item. Without scripts it reaches all of them.
  const isWholePopover = button.getAttribute("aria-haspopup") === "menu";
  items.forEach((item, at) => (item.tabIndex = at === 0 && !isWholePopover ? 0 : -1));
  menu.addEventListener("keydown", (event) => {
    const at = items.indexOf(event.target);
    const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const to = targets[event.key];
    // The focus returns to the button, and from there to what follows it.
    if (event.key === "Tab" && isWholePopover) popover.hidePopover();
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    focusItem(to);
  });
  if (!isWholePopover) return;
  let first = 0;
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    first = event.key === "ArrowUp" ? -1 : 0;
    if (popover.matches(":popover-open")) focusItem(first);
    else popover.showPopover();
  });
  // The event "toggle" comes later than the change: until then a screen reader would hear the old state.
  popover.addEventListener("beforetoggle", (event) => {
    button.setAttribute("aria-expanded", event.newState === "open");
  });
  popover.addEventListener("toggle", (event) => {
    if (event.newState === "open") focusItem(first);
    first = 0;
  });
}

if (HTMLElement.prototype.showPopover) {
  document.querySelectorAll("[popover] [role=menu]").forEach(makeMenu);
}

// --- Poll the state of the records ---

let pollCount = 0;
let pollTimer = 0;
const refreshNote = document.getElementById("refresh-note");
const pollUntil = Date.now() + 1000 * Number(refreshNote?.dataset.pollForS);

function hasUnsettled() {
  return document.querySelector('[data-record][data-settled="false"]') !== null;
}

function showState(item) {
  const cell = document.querySelector(`[data-record="${Number(item.id)}"]`);
  if (!cell || (cell.dataset.state === item.key && cell.textContent === item.text)) return;
  cell.dataset.state = item.key;
  cell.dataset.settled = item.settled;
  cell.textContent = item.text;
  document.querySelector("[data-state-meaning]")?.replaceChildren(item.meaning);
  if (item.settled) {
    const announcement = document.getElementById("state-announcement");
    announcement.textContent = `${cell.dataset.name}: ${item.text}`;
  }
}

async function pollStates() {
  pollCount += 1;
  try {
    const response = await fetch("/dns-records/states", {
      headers: { accept: "application/json" },
      redirect: "error",
    });
    if (!response.ok) throw new Error(String(response.status));
    (await response.json()).forEach(showState);
  } catch {
    // Poll less often while the service is unavailable or the session has ended.
    pollCount += 20;
  }
  schedulePoll();
}

// Polls every second for a minute, then every ten seconds, until pollUntil.
function schedulePoll() {
  clearTimeout(pollTimer);
  if (!refreshNote) return;
  const isOver = Date.now() >= pollUntil;
  refreshNote.hidden = !isOver || !hasUnsettled();
  if (!isOver && hasUnsettled() && !document.hidden) {
    pollTimer = setTimeout(pollStates, pollCount < 60 ? 1000 : 10000);
  }
}

document.addEventListener("visibilitychange", schedulePoll);
schedulePoll();

// --- Wait for the answers of name servers and resolvers ---

let lookCount = 0;

async function showAnswers() {
  const world = document.getElementById("world");
  if (!world?.dataset.pending || lookCount === 40) return;
  setTimeout(showAnswers, 1500);
  if (document.hidden) return;
  lookCount += 1;
  try {
    const response = await fetch(`${world.dataset.pending}?reload`, { redirect: "error" });
    if (!response.ok) throw new Error(String(response.status));
    const answered = new DOMParser().parseFromString(await response.text(), "text/html");
    const now = answered.getElementById("world");
    if (now && now.innerHTML !== world.innerHTML) world.replaceChildren(...now.childNodes);
    if (!now?.dataset.pending) delete world.dataset.pending;
  } catch {
    // The service is unavailable or the session has ended: the button asks again.
    delete world.dataset.pending;
  }
}
setTimeout(showAnswers, 1000);

// --- Choices that the browser keeps ---

function storedChoice(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // The browser forbids it.
  }
}

function storeChoice(name, choice) {
  try {
    localStorage.setItem(name, choice);
  } catch {
    // It holds for this page only.
  }
}

// --- Single keys, which can be turned off (WCAG 2.1.4) ---

const keys = document.getElementById("keys");

function announceKeys() {
  document.querySelectorAll("[data-key]").forEach((target) => {
    if (keys.checked) target.setAttribute("aria-keyshortcuts", target.dataset.key);
    else target.removeAttribute("aria-keyshortcuts");
  });
}

if (keys) {
  keys.checked = storedChoice("keys") !== "off";
  announceKeys();
  keys.addEventListener("change", () => {
    storeChoice("keys", keys.checked ? "on" : "off");
    announceKeys();
  });
  document.addEventListener("keydown", (event) => {
    const isChord = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat;
    const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select, dialog, [role=menu]");
    if (!keys.checked || isChord || isTyping) return;
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input")) target.select();
    else target.click();
  });
}

// --- Select records ---

// Enter in a checkbox would press the form's first button.
document.querySelectorAll("input[form=selected]").forEach((take) =>
  take.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault()),
);
const takeAll = document.getElementById("take-all");
const takes = [...document.querySelectorAll("input[form=selected]")];

function showTakeAll() {
  if (!takeAll) return;
  const count = takes.filter((take) => take.checked).length;
  takeAll.checked = takes.length > 0 && count === takes.length;
  takeAll.indeterminate = count > 0 && count < takes.length;
}

takeAll?.addEventListener("change", () => takes.forEach((take) => (take.checked = takeAll.checked)));
takes.forEach((take) => take.addEventListener("change", showTakeAll));
window.addEventListener("pageshow", showTakeAll);

// --- Notes of a record: folded on small screens, or as they were last ---

const notes = document.querySelector("details.private-notes");
if (notes && !("filled" in notes.dataset)) {
  const choice = storedChoice("notes") ?? (matchMedia("(max-width: 40rem)").matches ? "folded" : "open");
  notes.open = choice === "open";
}
notes?.querySelector("summary").addEventListener("click", () => {
  storeChoice("notes", notes.open ? "folded" : "open"); // It is about to change.
});

// --- What a form would publish, while one types ---

const checkedForm = document.querySelector("form[data-check]");
let checkTimer = 0;
let checking = null;

async function checkForm() {
  const preview = document.getElementById("preview");
  checking?.abort();
  checking = new AbortController();
  const { signal } = checking;
  try {
    const body = new URLSearchParams(new FormData(checkedForm));
    const response = await fetch(checkedForm.dataset.check, { method: "POST", body, redirect: "manual", signal });
    // The session has ended: each check would begin another sign-in.
    if (response.type === "opaqueredirect") checkedForm.removeEventListener("input", scheduleCheck);
    if (!response.ok) return; // Also for too many checks, or a record that is gone: saving says so.
    const checked = new DOMParser().parseFromString(await response.text(), "text/html");
    const now = checked.getElementById("preview");
    if (now && now.innerHTML !== preview.innerHTML) preview.replaceChildren(...now.childNodes);
  } catch {
    // A newer check has begun, or the service is unavailable: the next input asks again.
  }
}

function scheduleCheck() {
  clearTimeout(checkTimer);
  checkTimer = setTimeout(checkForm, 600);
}

checkedForm?.addEventListener("input", scheduleCheck);

document.getElementById("faults")?.focus();
