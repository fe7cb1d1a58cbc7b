"""From run folders and committed records to figures and tables; writes into no record.

Numbers are the records'. What is computed here is what no single run knows, differences and means
between runs, their seeds and the networks that one dot stands for; ranks and shares for display;
and what a DAG's code alone says.
"""
