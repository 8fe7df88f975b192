// Zoom by a click on a function, back by a click on the lowest; search with the field or Ctrl-F.
(function () {
  "use strict";
  const svg = document.documentElement;
  const width = 1200;
  const frames = Array.from(svg.querySelectorAll("g.frame")).map(function (node) {
    return {
      node: node,
      box: node.querySelector("rect"),
      label: node.querySelector("text"),
      name: node.querySelector("title").textContent,
      x: Number(node.dataset.x),
      w: Number(node.dataset.w),
      depth: Number(node.dataset.d)
    };
  });
  const found = svg.getElementById("found");

  function fit(frame, x, w) {
    frame.box.setAttribute("x", x);
    frame.box.setAttribute("width", Math.max(w - 0.5, 0.2));
    const room = Math.floor((w - 6) / 6.7);
    const text = frame.label.dataset.full;
    frame.label.setAttribute("x", x + 3);
    frame.label.textContent = room < 3 ? "" : text.length <= room ? text : text.slice(0, room - 2) + "..";
  }

  function zoom(to) {
    frames.forEach(function (frame) {
      const inside = frame.x >= to.x - 1e-9 && frame.x + frame.w <= to.x + to.w + 1e-9;
      const below = frame.depth <= to.depth && frame.x <= to.x + 1e-9 && frame.x + frame.w >= to.x + to.w - 1e-9;
      const shown = below || (inside && frame.depth >= to.depth);
      frame.node.style.display = shown ? "" : "none";
      if (below) fit(frame, 0, width);
      else if (shown) fit(frame, (frame.x - to.x) / to.w * width, frame.w / to.w * width);
    });
  }

  function search(words) {
    let expression = null;
    try {
      expression = words ? new RegExp(words, "i") : null;
    } catch (error) {
      found.textContent = "no such pattern: " + words;
      return;
    }
    const spans = [];
    frames.forEach(function (frame) {
      const hit = expression !== null && expression.test(frame.name);
      frame.box.classList.toggle("hit", hit);
      if (hit) spans.push([frame.x, frame.x + frame.w]);
    });
    spans.sort(function (a, b) { return a[0] - b[0]; });
    let sum = 0;
    let end = 0;
    spans.forEach(function (span) {
      sum += Math.max(0, span[1] - Math.max(end, span[0]));
      end = Math.max(end, span[1]);
    });
    found.textContent = expression === null ? "" : words + ": " + (sum * 100).toFixed(1) + " %";
  }

  frames.forEach(function (frame) {
    fit(frame, frame.x * width, frame.w * width);
    frame.node.addEventListener("click", function () { zoom(frame); });
  });
  function ask() {
    const words = window.prompt("Search for a function (a regular expression):", "");
    if (words !== null) search(words);
  }
  svg.getElementById("search").addEventListener("click", ask);
  window.addEventListener("keydown", function (event) {
    if (event.key === "f" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask();
    }
    if (event.key === "Escape") search("");
  });
}());
