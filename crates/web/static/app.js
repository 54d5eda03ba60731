"use strict";
// Nothing here is needed: every page works without it. It saves reloads and clicks.

const page = document.getElementById("page");

function toast(text, failed) {
  const box = document.getElementById("toasts");
  const note = document.createElement("p");
  note.className = "toast toast-floating" + (failed ? " toast-failed" : "");
  note.textContent = text;
  box.querySelector(".toast-floating")?.remove();
  box.append(note);
  setTimeout(() => note.remove(), 5000);
}

// --- Forms are sent once -------------------------------------------------------------------------------------------

function release(form) {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.querySelectorAll("[type=submit]").forEach((button) => button.setAttribute("aria-disabled", "true"));
  setTimeout(release, 15000, form); // The person may have stopped it, or the network failed.
});

// A page that comes back from the browser's memory may be sent again, and may be out of date.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach(release);
  follow();
});

// --- Copying -------------------------------------------------------------------------------------------------------

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on another host than this machine: the old way.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (!copied) throw new Error("not copied");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  copy(button.dataset.copy).then(
    () => toast(button.dataset.copied || "DNS Record was copied to clipboard"),
    () => toast("The browser did not allow copying", true),
  );
});

// --- Deleting ------------------------------------------------------------------------------------------------------

const dialog = document.getElementById("delete-dialog");

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-delete]");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  // The dialog of a list learns what it is about; that of a single thing says it already.
  document.getElementById("delete-id")?.setAttribute("value", link.dataset.delete);
  document.getElementById("delete-name")?.replaceChildren(link.dataset.name);
  const row = link.closest("[role=row]");
  document.getElementById("delete-type")?.replaceChildren(row?.querySelector(".tag")?.textContent ?? "");
  document.getElementById("delete-value")?.replaceChildren(row?.querySelector(".value")?.textContent ?? "");
  dialog.showModal();
  page.setAttribute("aria-hidden", "true");
});

function uncover() {
  page.removeAttribute("aria-hidden");
}

document.getElementById("delete-cancel")?.addEventListener("click", (event) => {
  if (!dialog) return;
  event.preventDefault();
  uncover(); // Before the focus returns into the page.
  dialog.close();
});
dialog?.addEventListener("cancel", uncover);
dialog?.addEventListener("close", uncover);

// Links that are named as buttons also listen to the space bar.
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a[role=button]")) {
    event.preventDefault();
    event.target.click();
  }
});

// --- The state of the records --------------------------------------------------------------------------------------

let asked = 0;
let timer = 0;
const again = document.getElementById("look-again");
const until = Date.now() + 1000 * Number(again?.dataset.follow);

function unsettled() {
  return document.querySelector('[data-record][data-settled="false"]') !== null;
}

function show(item) {
  const cell = document.querySelector(`[data-record="${Number(item.id)}"]`);
  if (!cell || (cell.dataset.state === item.key && cell.textContent === item.words)) return;
  cell.dataset.state = item.key;
  cell.dataset.settled = item.settled;
  cell.textContent = item.words;
  document.querySelector("[data-meaning]")?.replaceChildren(item.meaning);
  if (item.settled) document.getElementById("state-news").textContent = `${cell.dataset.name}: ${item.words}`;
}

async function ask() {
  asked += 1;
  try {
    const answer = await fetch("/dns-records/states", { headers: { accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    (await answer.json()).forEach(show);
  } catch {
    asked += 20; // Ask less often while the service is away or the session has ended.
  }
  follow();
}

// Every second for a minute, then every ten seconds, until it is so long after the newest change that nothing may come.
function follow() {
  clearTimeout(timer);
  if (!again) return;
  const over = Date.now() >= until;
  again.hidden = !over || !unsettled();
  if (!over && unsettled() && !document.hidden) timer = setTimeout(ask, asked < 60 ? 1000 : 10000);
}

document.addEventListener("visibilitychange", follow);
follow();

document.getElementById("faults")?.focus();
