// The certificate page. Progressive enhancement: without scripts the page reloads, links download
// and all tabs are shown. app.js defines toast, copy, page and opensElsewhere.

// --- Copy and download parts: fetched on demand, so that no page contains the private key ---

async function fetchPart(part) {
  const response = await fetch(`/certificate/download/${part}`, { redirect: "error" });
  if (!response.ok) throw new Error(String(response.status));
  return response.text();
}

// Some browsers allow copying only within the click event: they accept a promise of the text.
function copyPart(part) {
  const text = fetchPart(part);
  if (!window.ClipboardItem || !navigator.clipboard?.write) return text.then(copy);
  const blob = text.then((pem) => new Blob([pem], { type: "text/plain" }));
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

async function download(part, file) {
  const blob = new Blob([await fetchPart(part)], { type: "application/x-pem-file" });
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(URL.revokeObjectURL, 60000, url);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-part]");
  if (!button) return;
  const { copyPart: part, name } = button.dataset;
  copyPart(part).then(
    () => toast(`${name} was copied to the clipboard`),
    () => toast(`${name} could not be copied. Reload the page, or download it instead.`, true),
  );
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-download-part]");
  if (!link || opensElsewhere(event)) return;
  event.preventDefault();
  const { downloadPart: part, name, file } = link.dataset;
  download(part, file).then(
    () => toast(`${name} is Downloaded`),
    () => toast(`${name} could not be downloaded. Reload the page and try again.`, true),
  );
});

// --- Tabs ---

function selectTab(tabs, selected) {
  tabs.forEach((tab) => {
    const isSelected = tab === selected;
    tab.setAttribute("aria-selected", isSelected);
    tab.tabIndex = isSelected ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isSelected;
  });
}

function makeTabs(container) {
  const list = container.querySelector(".tab-list");
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
    selectTab(tabs, tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const targets = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: tabs.length - 1,
      " ": at,
    };
    const to = targets[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    selectTab(tabs, tab);
    tab.focus();
  });
  container.classList.add("tabs-active");
  selectTab(tabs, tabs.find((tab) => tab.hash === location.hash) ?? tabs[0]);
}

document.querySelectorAll("[data-tabs]").forEach(makeTabs);

// --- Poll the order ---

const order = document.getElementById("order");
const STATE_TEXTS = { done: "Done:", now: "Now:", todo: "To come:" };
let pollAfterS = Number(order?.dataset.pollAfterS);
let orderTimer = 0;
const hint = document.getElementById("order-hint");
const UPDATES_AUTOMATICALLY = hint?.textContent;

function showStep(line, step) {
  line.dataset.step = step.state;
  if (step.state === "now") line.setAttribute("aria-current", "step");
  else line.removeAttribute("aria-current");
  line.querySelector("[data-state-text]").textContent = STATE_TEXTS[step.state];
  line.querySelector(".step-title").textContent = step.title;
  line.querySelector(".step-detail").textContent = step.detail;
}

function showOrder(state) {
  // Something other than the steps has changed, such as a new certificate. The query says that no
  // user asks for the page, so that it does not extend the session.
  if (state.page_revision !== order.dataset.pageRevision) return location.replace("?reload");
  pollAfterS = state.poll_after_s;
  const lines = order.querySelectorAll(".step");
  state.steps.forEach((step, at) => showStep(lines[at], step));
  const now = state.steps.find((step) => step.state === "now");
  const announcement = document.getElementById("order-announcement");
  const text = now ? `${now.title}. ${now.detail}` : "";
  if (announcement.textContent !== text) announcement.textContent = text;
}

async function pollOrder() {
  try {
    const response = await fetch("/certificate/state", {
      headers: { accept: "application/json" },
      redirect: "manual",
    });
    // The session has ended: the page itself redirects to the sign-in and back.
    if (response.type === "opaqueredirect") return location.reload();
    if (!response.ok) throw new Error(String(response.status));
    showOrder(await response.json());
    hint.textContent = UPDATES_AUTOMATICALLY;
  } catch {
    pollAfterS = 5;
    hint.textContent =
      "The service does not respond at the moment. " +
      "This page retries automatically. Your request is not lost.";
  }
  scheduleOrderPoll();
}

function scheduleOrderPoll() {
  clearTimeout(orderTimer);
  if (order && pollAfterS > 0 && !document.hidden) {
    orderTimer = setTimeout(pollOrder, 1000 * pollAfterS);
  }
}

document.addEventListener("visibilitychange", scheduleOrderPoll);
window.addEventListener("pageshow", scheduleOrderPoll);
