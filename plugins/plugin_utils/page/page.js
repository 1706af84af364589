"use strict";
// Finding is all that it does: without a script the page shows the same.
(() => {
  const field = document.getElementById("find");
  const rows = [...document.querySelectorAll("[data-find]")].map((row) => [row, row.dataset.find.toLowerCase()]);
  const squares = [...document.querySelectorAll(".field rect, .chips span")].map((one) => [one, (one.title || one.textContent).toLowerCase()]);
  const folds = [...document.querySelectorAll("details")];
  const before = new Map();

  const find = () => {
    const word = field.value.trim().toLowerCase();
    for (const [row, text] of rows) {
      if (!row.classList.contains("node")) row.classList.toggle("away-row", word !== "" && !text.includes(word));
    }
    for (const [square, text] of squares) square.classList.toggle("away", word !== "" && !text.includes(word));
    for (const fold of folds) {
      if (word === "") {
        if (before.has(fold)) fold.open = before.get(fold);
      } else if (fold.querySelector("[data-find]")) {
        if (!before.has(fold)) before.set(fold, fold.open);
        fold.open = fold.querySelector("[data-find]:not(.away-row)") !== null;
      }
    }
    if (word === "") before.clear();
  };

  let waiting = 0;
  field.hidden = false;
  field.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(find);
  });
})();
