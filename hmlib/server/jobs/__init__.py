"""The pages and the API of jobs, which every service has."""
