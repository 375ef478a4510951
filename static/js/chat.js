// The chat of a contest: asks for its messages again when the stream, or a minute, says so. Never while somebody is busy
// in the list: then a button offers what is new.

const EVERY = 60000;
const SOON = 400;

const root = document.querySelector("[data-chat]");

function start() {
  const list = document.getElementById("chat-list");
  const offer = root.querySelector("[data-chat-new]");
  const status = root.querySelector("[data-chat-status]");
  let timer = null;

  // Reading older ones, an open form, or the keyboard in a form of the list.
  const isBusy = () =>
    Boolean(list.querySelector("details[open], [data-chat-older-shown]")) ||
    (list.contains(document.activeElement) && document.activeElement !== list) ||
    list.scrollTop > 40;

  const ask = () => document.body.dispatchEvent(new CustomEvent("comments-changed"));

  function changed(isOwn) {
    clearTimeout(timer);
    // Everyone hears of a message at the same moment; they do not all ask at once.
    timer = setTimeout(() => {
      if (isBusy() && !isOwn) {
        if (offer) offer.hidden = false;
      } else if (!document.hidden) ask();
    }, isOwn ? 0 : SOON + Math.random() * 1600);
  }

  document.body.addEventListener("arena:comment", () => changed(false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) changed(false);
  });
  setInterval(() => {
    if (!document.hidden && !isBusy()) ask();
  }, EVERY);

  root.addEventListener("click", (event) => {
    if (!event.target.closest("[data-chat-show]")) return;
    ask();
    list.scrollTop = 0;
    list.focus();
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "chat-list") {
      const first = list.querySelector("[data-comment]");
      const newest = first ? first.dataset.comment : "";
      if (list.dataset.newest !== undefined && newest && newest !== list.dataset.newest) status.textContent = "New messages in the chat.";
      list.dataset.newest = newest;
      if (offer) offer.hidden = true;
    } else if (event.detail.target.classList.contains("chat-more")) {
      const rows = list.querySelectorAll("[data-comment]");
      if (rows.length) rows[0].dataset.chatOlderShown = "";
    }
  });

  const first = list.querySelector("[data-comment]");
  list.dataset.newest = first ? first.dataset.comment : "";
}

if (root && document.getElementById("chat-list")) start();
