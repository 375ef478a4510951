// The search box of every page: "/" opens it, results come as you type, arrows choose, Enter goes there.

const form = document.querySelector("[data-search]");
const input = form && form.querySelector("input");
const list = form && form.querySelector('[role="listbox"]');
let active = -1;

function options() {
  return [...list.querySelectorAll('[role="option"]')];
}

function mark(index) {
  const all = options();
  active = all.length ? (index + all.length) % all.length : -1;
  all.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
  if (active >= 0) {
    input.setAttribute("aria-activedescendant", all[active].id);
    all[active].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

function open() {
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
}

function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
  active = -1;
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

if (form) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (!input.offsetParent) return;
    event.preventDefault();
    input.focus();
    input.select();
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden && options().length) open();
      mark(event.key === "ArrowDown" ? active + 1 : active < 0 ? -1 : active - 1);
    } else if (event.key === "Enter" && active >= 0 && !list.hidden) {
      event.preventDefault();
      options()[active].click();
    } else if (event.key === "Escape") {
      // The first time the list closes and what was typed stays; the box would empty itself otherwise.
      if (list.hidden) input.blur();
      else event.preventDefault();
      close();
    }
  });

  input.addEventListener("input", () => {
    active = -1;
    if (!input.value.trim()) {
      list.replaceChildren();
      close();
    }
  });

  list.addEventListener("htmx:afterSwap", () => {
    active = -1;
    input.removeAttribute("aria-activedescendant");
    if (document.activeElement === input && list.childElementCount && input.value.trim()) open();
    else close();
  });

  input.addEventListener("focus", () => {
    if (options().length && input.value.trim()) open();
  });

  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) close();
  });
}
