// The page of the certificate. Nothing here is needed: without it the page is loaded anew, links download and all tabs are shown.
// toast, copy and page come from app.js.

// --- The parts: fetched when they are wanted, so that no page holds the private key --------------------------------------

async function part(word) {
  const answer = await fetch(`/certificate/download/${word}`, { redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

// Some browsers let a page copy only within the click itself: they take a promise of the text.
function copyPart(word) {
  const text = part(word);
  if (!window.ClipboardItem || !navigator.clipboard?.write) return text.then(copy);
  const blob = text.then((pem) => new Blob([pem], { type: "text/plain" }));
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

async function download(word, file) {
  const url = URL.createObjectURL(new Blob([await part(word)], { type: "application/x-pem-file" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(URL.revokeObjectURL, 60000, url);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-part]");
  if (!button) return;
  const { copyPart: word, name } = button.dataset;
  copyPart(word).then(
    () => toast(`${name} was copied to the clipboard`),
    () => toast(`${name} could not be copied. Reload the page, or download it instead.`, true),
  );
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-download-part]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const { downloadPart: word, name, file } = link.dataset;
  download(word, file).then(
    () => toast(`${name} is Downloaded`),
    () => toast(`${name} could not be downloaded. Reload the page and try again.`, true),
  );
});

// --- Tabs ------------------------------------------------------------------------------------------------------------------

function choose(tabs, chosen) {
  tabs.forEach((tab) => {
    const on = tab === chosen;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
  });
}

function makeTabs(box) {
  const list = box.querySelector(".tab-list");
  const tabs = [...list.querySelectorAll(".tab")];
  list.setAttribute("role", "tablist");
  tabs.forEach((tab) => {
    const panel = document.getElementById(tab.hash.slice(1));
    tab.parentElement.setAttribute("role", "presentation");
    tab.id = `tab-${panel.id}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.tabIndex = 0;
  });
  list.addEventListener("click", (event) => {
    const tab = event.target.closest(".tab");
    if (!tab) return;
    event.preventDefault();
    choose(tabs, tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1, " ": at }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    choose(tabs, tab);
    tab.focus();
  });
  box.classList.add("tabs-live");
  choose(tabs, tabs.find((tab) => tab.hash === location.hash) ?? tabs[0]);
}

document.querySelectorAll("[data-tabs]").forEach(makeTabs);

// --- The order ---------------------------------------------------------------------------------------------------------------

const order = document.getElementById("order");
const SPOKEN = { done: "Done:", now: "Now:", todo: "To come:" };
let again = Number(order?.dataset.again);
let orderTimer = 0;
const hint = document.getElementById("order-hint");
const FOLLOWS = hint?.textContent;

function showStep(line, step) {
  line.dataset.step = step.state;
  if (step.state === "now") line.setAttribute("aria-current", "step");
  else line.removeAttribute("aria-current");
  line.querySelector("[data-spoken]").textContent = SPOKEN[step.state];
  line.querySelector(".step-title").textContent = step.title;
  line.querySelector(".step-detail").textContent = step.detail;
}

function showOrder(state) {
  // More has changed than the steps: there is a certificate, say.
  if (state.shape !== order.dataset.shape) return location.reload();
  again = state.again_s;
  const lines = order.querySelectorAll(".step");
  state.steps.forEach((step, at) => showStep(lines[at], step));
  const now = state.steps.find((step) => step.state === "now");
  const news = document.getElementById("order-news");
  const words = now ? `${now.title}. ${now.detail}` : "";
  if (news.textContent !== words) news.textContent = words;
}

async function askOrder() {
  try {
    const answer = await fetch("/certificate/state", { headers: { accept: "application/json" }, redirect: "manual" });
    // The session has ended, here or elsewhere: the page itself leads to the sign-in and back.
    if (answer.type === "opaqueredirect") return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    showOrder(await answer.json());
    hint.textContent = FOLLOWS;
  } catch {
    again = 5;
    hint.textContent = "The service does not answer at the moment. This page tries again by itself; your request is kept.";
  }
  followOrder();
}

function followOrder() {
  clearTimeout(orderTimer);
  if (order && again > 0 && !document.hidden) orderTimer = setTimeout(askOrder, 1000 * again);
}

document.addEventListener("visibilitychange", followOrder);
window.addEventListener("pageshow", followOrder);
