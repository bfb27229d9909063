"""Many runs: experiments, their results in tables, and analyses of finished runs."""
