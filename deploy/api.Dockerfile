# API, beat and command line: no torch, a few hundred megabytes.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY cypher cypher
COPY engine engine
COPY workers workers
COPY api api
COPY interestgraph interestgraph
RUN uv pip install --system --no-cache --compile-bytecode --constraint constraints.txt .
RUN useradd --system --uid 10001 interestgraph \
    && mkdir -p /var/lib/interestgraph /var/cache/interestgraph \
    && chown interestgraph /var/lib/interestgraph /var/cache/interestgraph
USER interestgraph
EXPOSE 8080
CMD ["gunicorn", "--config", "python:api.gunicorn_conf", "api.wsgi:app"]
