"""The Airflow provider of lipsync-nodes, a thin layer over the core.

hooks         LipsyncHook          makes a client from a connection of type `lipsync`
operators     Lipsync…Operator     one for each endpoint in the core's catalogue: submit, wait, save
batch         LipsyncBatchOperator  many jobs as one task
check         LipsyncCheckOperator  checks the inputs of a job, free
verify        LipsyncVerifyOperator  verifies a video
sensors       LipsyncJobSensor     waits for a job that another task submitted
triggers      LipsyncJobTrigger    waits in the triggerer
links         LipsyncJobLink …     the links of a task in the UI
progress      Progress             logs what becomes of a job, and counts it in Airflow's metrics
journal       journal_of           records submissions: in Airflow's state of the task, or in the host's ledger
provider_info                      the description that Airflow reads at each start

Importing this package imports nothing else, so an error in it cannot stop an `airflow` command.
"""
