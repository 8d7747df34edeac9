# The image of every Airflow component, for Compose and for Helm: DAGs, SQL, package and dependencies move together.
# The versions of Airflow and Python are MWAA's newest.
FROM apache/airflow:3.3.1-python3.12

# The base image's packages stay at the constraints' versions; only what it lacks is added.
COPY requirements.txt constraints/mwaa-3.3.1.txt /tmp/dependencies/
RUN pip install --no-cache-dir \
        --requirement /tmp/dependencies/requirements.txt \
        --constraint /tmp/dependencies/mwaa-3.3.1.txt

# The page of publications and the command `publications compare` need it, no task does: MWAA does without.
RUN pip install --no-cache-dir --no-deps duckdb==2.0.1

# include/ is beside dags/, as in the repository.
COPY --chown=airflow:0 dags/ /opt/airflow/dags/
COPY --chown=airflow:0 include/ /opt/airflow/include/
COPY --chown=airflow:0 plugins/ /opt/airflow/plugins/
# Airflow finds its plugins by itself; `python -m billing_aggregator` does not.
ENV PYTHONPATH=/opt/airflow/plugins

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="billing-data-aggregator" \
      org.opencontainers.image.version="${VERSION}"
