// What the pages do beyond links and forms: theme, picking a listing by keyboard, words for screen readers.
(() => {
  "use strict";
  const charts = window.nightporterCharts;
  const spoken = document.getElementById("spoken");
  const NEXT = { "": "light", light: "dark", dark: "" };
  const NAMES = { "": "as the system", light: "light", dark: "dark" };

  const button = document.getElementById("theme");
  const named = () => {
    const now = document.documentElement.dataset.theme || "";
    button.textContent = `Theme: ${NAMES[now]}`;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = NEXT[document.documentElement.dataset.theme || ""];
    if (next) {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("nightporter.theme", next);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("nightporter.theme");
    }
    named();
    charts.repaint();
  });
  named();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", charts.repaint);

  // Nothing that came after a page was asked for again may be painted over what the reader picked since.
  document.addEventListener("htmx:load", (event) => charts.drawIn(event.detail.elt.parentElement || document));
  document.addEventListener("htmx:beforeCleanupElement", (event) => charts.drop(event.detail.elt));
  document.addEventListener("htmx:beforeHistorySave", () => charts.drop(document.body));
  document.addEventListener("toggle", (event) => event.target.matches?.("details.figures") && event.target.open && charts.table(event.target), true);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "content") return;
    const title = document.getElementById("content").dataset.title;
    if (title) document.title = `${title} · Nightporter`;
    spoken.textContent = document.getElementById("content").dataset.spoken || "";
  });
  // What refreshes itself gives way to who is reading: an open part would close, a focus would be lost.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!("givesWay" in event.detail.elt.dataset)) return;
    const content = document.getElementById("content");
    const used = content.querySelector("details[open]") || (content !== document.activeElement && content.contains(document.activeElement));
    if (used || document.hidden) event.preventDefault();
  });
  const lost = (event) => {
    const said = "The worker cannot be reached; what is shown is as it was.";
    spoken.textContent = said;
    const card = event.detail.elt.closest(".card");
    if (card) {
      const place = document.createElement("p");
      place.className = "bad";
      place.setAttribute("role", "alert");
      place.textContent = said;
      card.classList.remove("waits", "plot", "list");
      card.querySelectorAll(":scope > .bad").forEach((old) => old.remove());
      card.append(place);
    }
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);

  // The combobox: the input keeps the focus, arrows move through what was found, Enter opens it.
  const options = (input) => [...document.getElementById(input.getAttribute("aria-controls")).querySelectorAll("[role=option]")];
  const point = (input, at) => {
    const all = options(input);
    all.forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    if (all[at]) {
      input.setAttribute("aria-activedescendant", all[at].id);
      all[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const close = (input) => {
    document.getElementById(input.getAttribute("aria-controls")).replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  document.addEventListener("keydown", (event) => {
    const input = event.target.closest?.("[role=combobox]");
    if (!input) return;
    const all = options(input), at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") close(input);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (all.length) point(input, (at + (event.key === "ArrowDown" ? 1 : all.length - (at < 0 ? 0 : 1))) % all.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      (all[at] || all[0])?.querySelector("a").click();
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "found") return;
    const input = document.querySelector("[role=combobox]"), many = options(input).length;
    input.setAttribute("aria-expanded", String(many > 0));
    spoken.textContent = input.value ? `${many} ${many === 1 ? "listing" : "listings"} found` : "";
  });
  document.addEventListener("click", (event) => {
    const input = document.querySelector("[role=combobox]");
    if (input && !event.target.closest(".find")) close(input);
  });

  // Scripts of a page stand at its end: what is there already is drawn now.
  charts.drawIn(document);
})();
