# One image for every role: web, worker, scheduler (see docker-compose.yml).
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
# The page assets and the wheel are made with the development tools, which stay behind in this stage.
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.lock
COPY . .
RUN /build/bin/python static/build.py \
    && /build/bin/python -m hatchling build -t wheel -d /wheels \
    && /venv/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /data newsletter
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NEWSLETTER_DATA_DIR=/data
USER newsletter
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["newsletter", "run", "--host", "0.0.0.0"]
