// Runs before first paint: sets the theme that was chosen, or the system's.
(function () {
  "use strict";
  var root = document.documentElement;
  var stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch (error) {
    stored = null;
  }
  var light = window.matchMedia("(prefers-color-scheme: light)");
  root.dataset.theme = stored || (light.matches ? "light" : "dark");
  light.addEventListener("change", function (event) {
    if (!stored && !root.dataset.chosen) {
      root.dataset.theme = event.matches ? "light" : "dark";
      window.dispatchEvent(new Event("themechange"));
    }
  });
})();
