-- title: Where the worker's pages are
SELECT rtrim(coalesce(current_setting('app.console_url', true), ''), '/') AS __text,
  rtrim(coalesce(current_setting('app.console_url', true), ''), '/') AS __value
