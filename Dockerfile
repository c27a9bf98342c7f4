# `hrm serve` in a container, on the CPU: docs/serve.md says how to build and run it.
FROM python:3.12-slim AS build
WORKDIR /build
# torch's CPU build, without gigabytes of CUDA; the version is that of constraints.txt
RUN python -m venv /opt/hrm && \
    /opt/hrm/bin/pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/hrm/bin/pip install --no-cache-dir -c constraints.txt ".[serve]"

FROM python:3.12-slim
COPY --from=build /opt/hrm /opt/hrm
RUN useradd --create-home --uid 10001 hrm
USER 10001
WORKDIR /home/hrm
ENV PATH=/opt/hrm/bin:$PATH PYTHONUNBUFFERED=1 HRM_CACHE=/home/hrm/.cache
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
ENTRYPOINT ["hrm", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["sudoku-9x9", "maze-10x10", "sudoku-4x4"]
