// Recovery codes: print and copy, where the browser can.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const codes = [...document.getElementById(button.dataset.copy).children].map((item) => item.textContent.trim());
    await navigator.clipboard.writeText(codes.join("\n"));
    button.textContent = "Copied";
    document.querySelector("[data-copied]").textContent = "The codes are copied.";
  });
}
