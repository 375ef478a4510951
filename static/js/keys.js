// The page that shows a new API key once: a button that copies it.

const field = document.querySelector("[data-copy-text]");
const button = document.querySelector("[data-copy]");
const told = document.querySelector("[data-copied]");

field.addEventListener("focus", () => field.select());

if (navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
      told.textContent = "The key was copied.";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2500);
    } catch {
      // The browser does not let us: the person copies what is selected.
      field.focus();
      told.textContent = "The key is selected. Copy it with your keyboard.";
    }
  });
}
