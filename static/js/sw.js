// Shows pushes. It touches no request: pages come from the server as they are.

self.addEventListener("push", (event) => {
  let data = {};
  try {
    data = event.data.json();
  } catch {
    data = {};
  }
  const options = { body: data.body || "", tag: data.tag || "arena", data: { url: data.url || "/notifications" }, icon: "/static/img/favicon.svg" };
  event.waitUntil(self.registration.showNotification(data.title || "Trading Arena", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data.url, self.location.origin);
  if (url.origin !== self.location.origin) return;
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const page = pages.find((open) => new URL(open.url).pathname === url.pathname);
      return page ? page.focus() : self.clients.openWindow(url.href);
    }),
  );
});
