# One image for every part: `alertd api`, `alertd worker`, `alertd sweeper`, or `alertd up` for all of it.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m venv /opt/alertd \
 && /opt/alertd/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY alertd alertd
COPY channels channels
COPY workers workers
COPY config config
RUN /opt/alertd/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
LABEL org.opencontainers.image.title="alertd" \
      org.opencontainers.image.description="Tells families when a service they rely on is down, and keeps telling them"
RUN groupadd --gid 10001 alertd \
 && useradd --uid 10001 --gid alertd --no-create-home --home-dir /var/lib/alertd alertd \
 && install -d -o alertd -g alertd -m 0700 /var/lib/alertd
COPY --from=build /opt/alertd /opt/alertd
ENV PATH=/opt/alertd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ALERTD_DATA_DIR=/var/lib/alertd \
    ALERTD_API__HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/alertd
VOLUME /var/lib/alertd
EXPOSE 8420
# Readiness is progress, not life: work that waits too long makes it fail.
# It sees which part runs here: only `api` and `up` serve HTTP, on the port of the settings.
HEALTHCHECK --interval=15s --timeout=6s --start-period=20s --retries=3 \
    CMD ["python", "-m", "alertd.healthcheck"]
STOPSIGNAL SIGTERM
# Exec form, so that SIGTERM reaches alertd itself.
ENTRYPOINT ["alertd"]
CMD ["up"]
