// Runs before first paint: sets the theme that was chosen, or the system's.
(function () {
  "use strict";
  var root = document.documentElement;
  var stored = null;
  try {
    // What the account says is taken over once: at sign-in, and when it changes. After that this device decides.
    var account = root.dataset.accountTheme;
    if (account && account !== localStorage.getItem("account-theme")) {
      localStorage.setItem("account-theme", account);
      if (account === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", account);
    }
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
