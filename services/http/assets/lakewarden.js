// Progressive enhancement only: every page works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const store = {
    get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private browsing: the choice lasts for the page */ } },
  };

  // Before the first paint, so that a chosen theme does not flash.
  const chosen = store.get();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  function themeToggle() {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(isDark()));
      button.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        store.set(root.dataset.theme);
        button.setAttribute("aria-pressed", String(isDark()));
      });
    }
  }

  // <div class="code"><button class="copy" hidden data-copy>Copy</button><pre>…</pre></div>
  function copyButtons() {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const text = button.closest(".code")?.querySelector("pre")?.textContent ?? "";
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
    }
  }

  // A filter form answers to a changed select or checkbox at once.
  function filterForms() {
    for (const form of document.querySelectorAll("form.filters")) {
      form.addEventListener("change", (event) => {
        if (event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
      });
    }
  }

  // Browsers that do not give the keyboard what scrolls: a box whose content does not fit can take the focus.
  function scrollBoxes() {
    for (const box of document.querySelectorAll(".table-wrap, .graph, pre")) {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    }
  }

  // <div class="graph" data-pan-zoom><svg viewBox=…>: drag pans, buttons and ctrl+wheel zoom.
  function panZoom(graph) {
    const svg = graph.querySelector("svg");
    if (!svg || !svg.viewBox.baseVal || svg.viewBox.baseVal.width === 0) return;
    const width = svg.viewBox.baseVal.width;
    const height = svg.viewBox.baseVal.height;
    let scale = 1;
    const zoom = (factor) => {
      const next = Math.min(4, Math.max(0.2, scale * factor));
      const centreX = (graph.scrollLeft + graph.clientWidth / 2) / scale;
      const centreY = (graph.scrollTop + graph.clientHeight / 2) / scale;
      scale = next;
      svg.setAttribute("width", String(Math.round(width * scale)));
      svg.setAttribute("height", String(Math.round(height * scale)));
      graph.scrollLeft = centreX * scale - graph.clientWidth / 2;
      graph.scrollTop = centreY * scale - graph.clientHeight / 2;
    };
    const fit = () => { zoom(Math.min(1, graph.clientWidth / width) / scale); };
    graph.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    let from = null;
    graph.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType !== "mouse" || event.target.closest("a")) return;
      from = { x: event.clientX + graph.scrollLeft, y: event.clientY + graph.scrollTop };
      graph.setPointerCapture(event.pointerId);
    });
    graph.addEventListener("pointermove", (event) => {
      if (!from) return;
      graph.scrollLeft = from.x - event.clientX;
      graph.scrollTop = from.y - event.clientY;
    });
    for (const end of ["pointerup", "pointercancel"]) graph.addEventListener(end, () => { from = null; });

    const tools = document.createElement("div");
    tools.className = "graph-tools";
    for (const [label, text, act] of [["Zoom in", "+", () => zoom(1.25)], ["Zoom out", "−", () => zoom(0.8)], ["Fit to width", "Fit", fit]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button-quiet button-small";
      button.textContent = text;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", act);
      tools.append(button);
    }
    graph.before(tools);
    const focus = svg.querySelector("[data-focus]");
    if (width > graph.clientWidth && graph.clientWidth > 0.6 * width) {
      fit();
    } else if (focus) {
      const at = focus.getBoundingClientRect();
      const frame = graph.getBoundingClientRect();
      graph.scrollLeft += at.left + at.width / 2 - frame.left - frame.width / 2;
      graph.scrollTop += at.top + at.height / 2 - frame.top - frame.height / 2;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    themeToggle();
    copyButtons();
    filterForms();
    scrollBoxes();
    for (const graph of document.querySelectorAll("[data-pan-zoom]")) panZoom(graph);
  });
})();
