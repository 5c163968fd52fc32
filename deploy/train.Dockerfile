# Workers and training: with torch (CUDA build), torch-geometric and transformers, several gigabytes.
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
RUN uv pip install --system --no-cache --compile-bytecode --constraint constraints.txt ".[train]"
RUN useradd --system --uid 10001 interestgraph \
    && mkdir -p /var/lib/interestgraph /var/cache/interestgraph \
    && chown interestgraph /var/lib/interestgraph /var/cache/interestgraph
USER interestgraph
CMD ["celery", "--app", "workers.app", "worker", "--queues", "gpu", "--pool", "solo", "--loglevel", "INFO"]
